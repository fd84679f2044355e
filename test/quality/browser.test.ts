import assert from 'node:assert/strict';
import axe, { type AxeResults } from 'axe-core';
import { type Browser, chromium } from 'playwright-core';
import type { RunningHttp } from '../../agent/expose/server.js';
import { seedDatabase } from '../../cli/seed/seed.js';
import { PASSWORD, person, page as startPage } from '../access/rig.js';
import { contrastFailures } from '../expose/contrast.js';
import { QUIET_BROWSER, SIZES, WIDEST } from '../expose/screen.js';
import { quietLog, useDatabase } from '../support/database.js';
import { needsPeer } from '../support/peers.js';

const PAGES = {
  worklist: '/',
  'worklist-filtered': '/?flag=disagree&ct=paired&sort=patient',
  quality: '/quality',
  watch: '/quality/watch',
  audit: '/audit',
  people: '/people',
  'people-cases': '/people/cases?opened=any',
  models: '/models',
  model: '/models/resnet34/4',
  discs: '/quality/discs?truth=ct&outcome=false-negative',
} as const;

describe('quality: the console over seeded studies in a browser', function () {
  this.timeout(300_000);
  const db = useDatabase();
  let http: RunningHttp;
  let browser: Browser;
  let origin: string;

  before(async function () {
    needsPeer(this, 'chromium');
    const options = {
      studies: 400,
      seed: 7,
      until: '2026-06-30',
      reports: 60,
      people: true,
      actor: 'user:tester',
    };
    await seedDatabase(db.database.knex, db.config, quietLog, options);
    await person(db.database, 'root', 'administrator');
    http = await startPage(db);
    origin = `http://127.0.0.1:${http.port}`;
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: QUIET_BROWSER });
  });
  after(async () => {
    await browser?.close();
    await http?.close();
  });

  async function loggedIn(options: Parameters<Browser['newPage']>[0]) {
    const page = await browser.newPage(options);
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${origin}/login`);
    await page.locator('[name=name]').fill('root');
    await page.locator('[name=password]').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${origin}/`);
    return { page, complaints };
  }

  for (const colorScheme of ['dark', 'light'] as const)
    for (const size of ['desk', 'tablet'] as const)
      it(`${colorScheme}, ${size}: legible, within the window, without a serious finding of axe`, async () => {
        const { page, complaints } = await loggedIn({ viewport: SIZES[size], colorScheme });
        for (const [name, path] of Object.entries(PAGES)) {
          await page.goto(origin + path);
          const overflow = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
          assert.ok((overflow as number) <= 0, `${name}: ${await page.evaluate(WIDEST)}`);
          assert.deepEqual(await page.evaluate(contrastFailures), [], name);
          const dir = process.env.CALCIDISC_PICTURES;
          if (dir) await page.screenshot({ path: `${dir}/${name}-${size}-${colorScheme}.png` });
          await page.evaluate(axe.source);
          const { violations } = await page.evaluate<AxeResults>('axe.run()');
          const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
          assert.deepEqual(
            grave.map(({ id, nodes }) => [id, nodes[0]?.html]),
            [],
            name,
          );
        }
        assert.deepEqual(complaints, []);
        await page.close();
      });

  it('by keyboard alone: from the list into a case, on to the next, and an alarm is acknowledged', async () => {
    const { page, complaints } = await loggedIn({ viewport: SIZES.desk });
    const focused = () => page.evaluate('document.activeElement.textContent');
    const names = await page.locator('table.worklist tbody th a').allTextContents();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    await page.keyboard.press('j');
    assert.equal(await focused(), names[1]);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/cases\//);
    const first = page.url();
    await page.keyboard.press('j');
    await page.waitForURL((url) => url.href !== first && url.pathname.startsWith('/cases/'));
    await page.goto(`${origin}/`);
    await page.keyboard.press('o');
    await page.waitForURL(/after=/);
    await page.keyboard.press('/');
    await page.keyboard.type('jjj');
    assert.equal(await page.locator('input[name=find]').inputValue(), 'jjj');

    await page.goto(`${origin}/quality/watch`);
    const forms = page.locator('form.acknowledge');
    const before = await forms.count();
    await forms.first().locator('input[name=reason]').focus();
    await page.keyboard.type('a new scanner <b>was</b> bought');
    await page.keyboard.press('Enter');
    await page.getByText('a new scanner <b>was</b> bought').waitFor();
    assert.equal(await forms.count(), before - 1);
    assert.deepEqual(complaints, []);
    await page.close();
  });
});
