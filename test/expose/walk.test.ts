import assert from 'node:assert/strict';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Role } from '../../agent/domain/access.js';
import type { RunningHttp } from '../../agent/expose/server.js';
import { seedDatabase } from '../../cli/seed/seed.js';
import { ACCOUNT_ROLES } from '../../config/http.js';
import { PASSWORD, person, page as startPage } from '../access/rig.js';
import { quietLog, useDatabase } from '../support/database.js';
import { needsPeer } from '../support/peers.js';
import { axeFaults } from './axe.js';
import { QUIET_BROWSER, SIZES, WIDEST } from './screen.js';

/** What a person can do something with. */
const ACTIONS = 'a[href], button, input:not([type=hidden]), select, summary, [tabindex="0"]';

/** Which of them the keyboard never came to, though they are to be seen. Runs in the page. */
const MISSED = `[...document.querySelectorAll(${JSON.stringify(ACTIONS)})]
  .filter((each) => each.checkVisibility() && !('reached' in each.dataset) && !each.classList.contains('skip'))
  .map((each) => each.outerHTML.slice(0, 120))`;
/** Marks what has the focus; a summary that is closed has to be opened. Runs in the page. */
const REACHED = `(() => {
  const it = document.activeElement;
  if (it === document.body) return 'end';
  const isNew = !('reached' in it.dataset);
  it.dataset.reached = '';
  if (!isNew) return 'again';
  return it.matches('details:not([open]) > summary') ? 'closed' : 'open';
})()`;

describe('expose: every page by every role, over a seeded database', function () {
  this.timeout(1_200_000);
  const db = useDatabase();
  let http: RunningHttp;
  let browser: Browser;
  const complaints: string[] = [];
  const cases = { delivered: '', parked: '', followed: '' };
  const contexts = new Map<Role, BrowserContext>();

  before(async function () {
    needsPeer(this, 'chromium');
    const options = {
      studies: 400,
      seed: 3,
      until: '2026-06-30',
      reports: 20,
      people: true,
      actor: 'user:tester',
    };
    await seedDatabase(db.database.knex, db.config, quietLog, options);
    const idOf = async (sql: string) => (await db.database.knex.raw(sql)).rows[0].caseId as string;
    cases.delivered = await idOf(
      "SELECT case_id FROM worklist_entry WHERE state = 'delivered' ORDER BY created_at DESC LIMIT 1",
    );
    cases.parked = await idOf("SELECT case_id FROM worklist_entry WHERE state = 'parked' LIMIT 1");
    cases.followed = await idOf(
      'SELECT max(case_id::text) AS case_id FROM worklist_entry GROUP BY patient_id HAVING count(*) > 1 LIMIT 1',
    );
    http = await startPage(db, { metrics: 'token' });
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: QUIET_BROWSER });
    for (const role of ACCOUNT_ROLES) {
      await person(db.database, role, role);
      contexts.set(role, await loggedIn(role));
    }
  });
  after(async () => {
    await browser?.close();
    await http?.close();
  });
  afterEach(() => {
    assert.deepEqual(complaints.splice(0), []);
  });

  const origin = () => `http://127.0.0.1:${http.port}`;

  async function loggedIn(role: Role): Promise<BrowserContext> {
    const context = await browser.newContext({ viewport: SIZES.desk });
    const page = await context.newPage();
    await page.goto(`${origin()}/login`);
    await page.fill('[name=name]', role);
    await page.fill('[name=password]', PASSWORD);
    await Promise.all([page.waitForURL(`${origin()}/`), page.keyboard.press('Enter')]);
    await page.close();
    return context;
  }

  async function inTab(role: Role, work: (page: Page) => Promise<void>): Promise<void> {
    const page = await contexts.get(role)!.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(`${page.url()} ${message.text()}`);
    });
    await work(page);
    await page.close();
  }

  const ALL = () => ({
    worklist: '/',
    filtered: '/?flag=calcified&columns=mr,site,scanner,readers,state&sort=patient',
    empty: '/?find=nobody-of-that-name',
    case: `/cases/${cases.followed}`,
    delivered: `/cases/${cases.delivered}`,
    parked: `/cases/${cases.parked}`,
    find: '/find?q=SEED-000010',
    quality: '/quality',
    watch: '/quality/watch',
    account: '/account',
    error: '/cases/00000000-0000-4000-8000-000000000000',
  });
  const OF_ROLE: Readonly<Record<Role, Readonly<Record<string, string>>>> = {
    viewer: {},
    radiologist: {},
    auditor: { audit: '/audit', people: '/people' },
    administrator: { audit: '/audit', people: '/people', accounts: '/accounts', operations: '/operations' },
  };

  async function looksRight(page: Page, path: string): Promise<void> {
    const answer = await page.goto(`${origin()}${path}`);
    const status = path.includes('00000000-') ? 404 : 200;
    assert.equal(answer?.status(), status, path);
    // Its address was asked for in vain, which the browser says, too.
    if (status === 404) complaints.splice(0);
    assert.ok(await page.getByText('not a medical device').first().isVisible(), path);
    const over = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
    assert.ok((over as number) <= 0, `${path} is ${over} px too wide: ${await page.evaluate(WIDEST)}`);
  }

  for (const role of ACCOUNT_ROLES)
    it(`${role}: every page is there, and nothing hangs over on desk and tablet`, () =>
      inTab(role, async (page) => {
        for (const viewport of [SIZES.desk, SIZES.tablet]) {
          await page.setViewportSize(viewport);
          for (const path of Object.values({ ...ALL(), ...OF_ROLE[role] })) await looksRight(page, path);
          // Nobody is offered what is refused to them.
          const links = await page
            .locator('footer a[href="/metrics"], header a')
            .evaluateAll('links => links.map((a) => a.getAttribute("href"))');
          for (const href of new Set(links as string[]))
            assert.equal((await page.request.get(`${origin()}${href}`)).status(), 200, `${href} by ${role}`);
        }
        const others = Object.entries(OF_ROLE.administrator).filter(([name]) => !(name in OF_ROLE[role]));
        for (const [, path] of others)
          assert.equal((await page.request.get(`${origin()}${path}`)).status(), 403, `${path} by ${role}`);
      }));

  for (const [colorScheme, viewport] of [
    ['light', SIZES.desk],
    ['dark', SIZES.tablet],
  ] as const)
    it(`has no serious fault by axe, ${colorScheme}, ${viewport.width} px`, () =>
      inTab('administrator', async (page) => {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(viewport);
        for (const [name, path] of Object.entries({ ...ALL(), ...OF_ROLE.administrator })) {
          await looksRight(page, path);
          assert.deepEqual(await axeFaults(page), [], name);
          const folder = process.env.PICTURES;
          if (folder)
            await page.screenshot({
              path: `${folder}/${name}-${colorScheme}-${viewport.width}.png`,
              fullPage: true,
            });
        }
      }));

  /** With Tab alone; what is closed is opened with Enter as one comes to it. */
  async function walk(page: Page): Promise<void> {
    // A field for a date is left with several presses.
    for (let presses = 0, again = 0; presses < 500 && again < 6; presses++) {
      await page.keyboard.press('Tab');
      const where = await page.evaluate(REACHED);
      if (where === 'closed') await page.keyboard.press('Enter');
      if (where === 'end') break;
      again = where === 'again' ? again + 1 : 0;
    }
    assert.deepEqual(await page.evaluate(MISSED), []);
  }

  it('radiologist: every action of the worklist and of a case is reached by keyboard', () =>
    inTab('radiologist', async (page) => {
      await page.goto(`${origin()}/?limit=10`);
      await walk(page);
      await page.goto(`${origin()}/cases/${cases.delivered}`);
      await walk(page);
    }));

  it('administrator: every action of a parked case and of operations is reached by keyboard', () =>
    inTab('administrator', async (page) => {
      for (const path of [`/cases/${cases.parked}`, '/operations']) {
        await page.goto(`${origin()}${path}`);
        await walk(page);
      }
    }));

  it('operations: every number opens the list of its cases', () =>
    inTab('administrator', async (page) => {
      await page.goto(`${origin()}/operations`);
      const links = await page.locator('main td.number a, main li a').all();
      assert.ok(links.length >= 2, 'parked by state and by cause');
      for (const link of links) {
        const [href, count] = [await link.getAttribute('href'), Number(await link.textContent())];
        const list = (await (await page.request.get(`${origin()}/api/cases${href!.slice(1)}`)).json()) as {
          total: number;
        };
        assert.equal(list.total, count, href!);
      }
    }));
});
