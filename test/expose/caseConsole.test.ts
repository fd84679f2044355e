import assert from 'node:assert/strict';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type RunningHttp, startHttp } from '../../agent/expose/server.js';
import { openFiles } from '../../agent/holders/files.js';
import { ConfigSchema } from '../../config/schema.js';
import { listAudit } from '../../db/tables/audit.js';
import { findCase } from '../../db/tables/cases.js';
import { listVerdicts } from '../../db/tables/readerVerdicts.js';
import { PASSWORD, person } from '../access/rig.js';
import { quietLog, useDatabase } from '../support/database.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';
import { axeFaults } from './axe.js';
import { QUIET_BROWSER, SIZES } from './screen.js';
import { fillShowcase, type Showcase } from './showcase.js';

/** As its key is pressed: a shifted picture is another, and the address says which. */
const shownImage = (page: Page) => page.locator('figure[data-viewer] image').getAttribute('href');

describe('expose: the case page as a console', function () {
  this.timeout(300_000);
  const db = useDatabase({ http: { port: 0 } });
  let http: RunningHttp;
  let browser: Browser;
  let page: Page;
  let shown: Showcase;
  const complaints: string[] = [];

  before(async function () {
    needsPeer(this, 'chromium');
    shown = await fillShowcase(db.config, db.database);
    for (const role of ['radiologist', 'viewer', 'administrator', 'auditor'] as const)
      await person(db.database, role, role);
    const { config, database } = db;
    const files = openFiles({ database, dataDir: config.dataDir, store: 0, secret: null });
    const changed = { ...config, http: ConfigSchema.shape.http.parse({ port: 0, access: 'required' }) };
    const queues = { depth: async () => ({ agent: 0, worker: 0 }) };
    http = await startHttp({ config: changed, database, queues, log: quietLog, files });
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: QUIET_BROWSER });
    page = await logIn('radiologist');
  });
  after(async () => {
    await browser?.close();
    await http?.close();
  });
  afterEach(async () => {
    assert.deepEqual(complaints.splice(0), []);
  });

  const origin = () => `http://127.0.0.1:${http.port}`;
  const caseOf = (name: 'flagged' | 'doubtful' | 'parked') => `${origin()}/cases/${shown[name].id}`;

  async function logIn(role: string): Promise<Page> {
    const context = await browser.newContext({ viewport: SIZES.desk, colorScheme: 'light' });
    const fresh = await context.newPage();
    fresh.on('pageerror', (error) => complaints.push(error.message));
    fresh.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await fresh.goto(`${origin()}/login`);
    await fresh.fill('[name=name]', role);
    await fresh.fill('[name=password]', PASSWORD);
    await fresh.keyboard.press('Enter');
    await fresh.waitForURL(`${origin()}/`);
    return fresh;
  }

  it('scrolls, windows and zooms by keyboard; boxes are dashed off their own image; form and address say the same', async () => {
    await page.goto(caseOf('flagged'));
    const figure = page.locator('figure[data-viewer]');
    const [own, images] = [
      Number(await figure.getAttribute('data-image')),
      Number(await figure.getAttribute('data-images')),
    ];
    assert.ok(images > 5 && own > 1 && own < images, `image ${own} of ${images}`);
    assert.equal(await page.locator('figure[data-viewer] .box').count(), 5);
    await figure.focus();
    await page.keyboard.press('ArrowDown');
    await until(async () => (await shownImage(page))!.includes(`image=${own + 1}`));
    const dashed = await page.locator('figure[data-viewer] .box.elsewhere').count();
    assert.ok(dashed >= 4, `${dashed} of 5 boxes are dashed on the next image`);
    const before = Number(await figure.getAttribute('data-width'));
    await page.keyboard.press('[');
    await until(async () => (await shownImage(page))!.includes('width='));
    assert.ok(Number(await figure.getAttribute('data-width')) < before);
    assert.equal(
      await page.locator('form.viewing [name=width]').inputValue(),
      await figure.getAttribute('data-width'),
    );
    const whole = await page.locator('figure[data-viewer] svg').getAttribute('viewBox');
    await page.keyboard.press('+');
    assert.notEqual(await page.locator('figure[data-viewer] svg').getAttribute('viewBox'), whole);
    await page.keyboard.press('0');
    assert.equal(await page.locator('figure[data-viewer] svg').getAttribute('viewBox'), whole);
    assert.ok(
      !(await shownImage(page))!.includes('width=') || (await figure.getAttribute('data-own')) === 'yes',
    );
  });

  it('a window makes another picture, and the same picture twice is the same', async () => {
    await page.goto(caseOf('flagged'));
    const source = await page.locator('figure[data-viewer]').getAttribute('data-viewer');
    const bytes = async (query: string) =>
      Buffer.from((await (await page.request.get(`${origin()}${source}${query}`)).body()) ?? '');
    const plain = await bytes('&image=8');
    assert.ok(plain.equals(await bytes('&image=8')));
    assert.ok(!plain.equals(await bytes('&image=8&center=300&width=50')));
    assert.ok(!plain.equals(await bytes('&image=3')));
    assert.equal((await page.request.get(`${origin()}${source}&image=999`)).status(), 404);
    const elsewhere = source!.replace(/series=.*/, 'series=1.2.3');
    assert.equal((await page.request.get(`${origin()}${elsewhere}&image=1`)).status(), 404);
  });

  it('the cross goes along on the CT to the same disc, and it is said that this is approximate', async () => {
    await page.goto(caseOf('flagged'));
    await page.locator('figure[data-viewer]').focus();
    for (const [key, level] of [
      ['1', 'L1-L2'],
      ['4', 'L4-L5'],
    ] as const) {
      await page.keyboard.press(key);
      const at = await page.locator('figure[data-slice=CT] .cross .down').getAttribute('x1');
      const wanted = JSON.parse((await page.locator('figure[data-slice=CT]').getAttribute('data-discs'))!)[
        level
      ][0];
      assert.ok(Math.abs(Number(at) - wanted) < 0.01, `${level}: ${at} for ${wanted}`);
    }
    assert.match(
      (await page.locator('section', { has: page.locator('#ct') }).textContent()) ?? '',
      /approximate/,
    );
  });

  it('without script: the form turns images and sets the window', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: SIZES.desk });
    await context.addCookies(await page.context().cookies());
    const plain = await context.newPage();
    await plain.goto(caseOf('flagged'));
    await plain.fill('form.viewing [name=image]', '3');
    await plain.fill('form.viewing [name=center]', '200');
    await plain.fill('form.viewing [name=width]', '150');
    await plain.selectOption('form.viewing [name=zoom]', '2');
    await plain.click('form.viewing button');
    assert.match((await shownImage(plain))!, /image=3&center=200&width=150$/);
    assert.match((await plain.locator('figure[data-viewer] output').textContent())!, /^Image 3 of/);
    await context.close();
  });

  it('a reader says what a disc is, by keyboard alone; it is kept with the name, on the trail, and changes no answer', async () => {
    await page.goto(caseOf('flagged'));
    const form = page.locator('#L4-L5 details.say');
    await form.locator('summary').focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.type('<b>seen</b> on CT');
    const focused = () => page.evaluate<string>('document.activeElement.value');
    for (let i = 0; i < 4 && (await focused()) !== 'not-calcified'; i++) await page.keyboard.press('Tab');
    await Promise.all([page.waitForURL(/done=verdict/), page.keyboard.press('Enter')]);
    assert.match(
      (await page.locator('#L4-L5').textContent())!,
      /radiologist \(on this page\): L4-L5: REJECTED, not calcified, “<b>seen<\/b> on CT”/,
    );
    const [verdict] = await listVerdicts(db.database.knex, shown.flagged.id);
    assert.deepEqual(
      [verdict!.via, verdict!.reader, verdict!.verdict, verdict!.answer, verdict!.level],
      ['page', 'radiologist', 'rejected', 'not-calcified', null],
    );
    const [said] = await listAudit(db.database.knex, 'case', shown.flagged.id);
    const judged = (await listAudit(db.database.knex, 'case', shown.flagged.id)).find(
      ({ event }) => event === 'READER_JUDGED',
    );
    assert.ok(
      said && judged?.actor === 'user:radiologist' && !JSON.stringify(judged.detail).includes('seen'),
    );
    assert.equal((await findCase(db.database.knex, shown.flagged.id))!.revision, shown.flagged.revision);
  });

  it('what is offered is what a role may do; a viewer and an auditor are offered nothing', async () => {
    const offered = async (role: string, name: 'flagged' | 'parked') => {
      const own = await logIn(role);
      await own.goto(caseOf(name));
      const words = await own.locator('.orders summary').allTextContents();
      const says = await own.locator('details.say').count();
      await own.context().close();
      return { words, says };
    };
    assert.deepEqual(await offered('viewer', 'flagged'), { words: [], says: 0 });
    assert.deepEqual(await offered('auditor', 'parked'), { words: [], says: 0 });
    assert.deepEqual(await offered('radiologist', 'flagged'), {
      words: ['Withdraw the result', 'It is not the patient', 'Name the levels'],
      says: 5,
    });
    assert.deepEqual(await offered('administrator', 'parked'), {
      words: ['Send again, go on', 'Read anew'],
      says: 0,
    });
  });

  it('a parked case goes on by a button, with its reason on the trail; without a reason nothing happens', async () => {
    const own = await logIn('administrator');
    await own.goto(caseOf('parked'));
    await own.locator('.orders summary', { hasText: 'Send again' }).click();
    const form = own.locator('.orders details[open]');
    await form.locator('button').click();
    assert.equal((await findCase(db.database.knex, shown.parked.id))!.state, 'parked');
    await form.locator('[name=reason]').fill('the codec was installed');
    await Promise.all([own.waitForURL(/done=retry/), form.locator('button').click()]);
    assert.equal((await findCase(db.database.knex, shown.parked.id))!.state, 'received');
    const trail = await listAudit(db.database.knex, 'case', shown.parked.id);
    const went = trail.find(({ event }) => event === 'CASE_UNPARKED');
    assert.deepEqual(
      [went?.actor, went?.detail],
      [
        'user:administrator',
        { from: 'parked', to: 'received', revision: 1, reason: 'the codec was installed' },
      ],
    );
    await own.context().close();
  });

  it('what cannot be is said, and changes nothing', async () => {
    await page.goto(caseOf('flagged'));
    const _csrf = await page.locator('.say input[name=_csrf]').first().inputValue();
    const post = async (path: string, form: Record<string, string>) => {
      const answer = await page.request.post(`${caseOf('flagged')}/${path}`, {
        form: { _csrf, ...form },
        maxRedirects: 0,
      });
      return [answer.status(), (await answer.json()).detail] as const;
    };
    const stale = await post('verdicts', { revision: '99', disc: 'L4-L5', says: 'calcified' });
    assert.equal(stale[0], 409);
    assert.match(stale[1], /revision 1 now/);
    assert.equal((await post('verdicts', { revision: '1', disc: 'T12-L1', says: 'calcified' }))[0], 400);
    assert.equal((await post('same-patient', { reason: 'no doubt' }))[0], 409);
    assert.equal((await post('levels', { reason: 'x', drawn: 'L9', level: 'L1-L2' }))[0], 400);
    assert.equal((await post('retry', { reason: 'x' }))[0], 403);
  });

  it('has no serious fault by axe, in light and dark, on desk and tablet', async () => {
    for (const colorScheme of ['light', 'dark'] as const)
      for (const viewport of [SIZES.desk, { width: 820, height: 1180 }]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(viewport);
        await page.goto(caseOf('flagged'));
        assert.deepEqual(await axeFaults(page), []);
        const folder = process.env.PICTURES;
        if (folder)
          await page.screenshot({
            path: `${folder}/case-${colorScheme}-${viewport.width}.png`,
            fullPage: true,
          });
      }
  });

  it('the result is withdrawn by a radiologist, and the page says so', async () => {
    await page.goto(caseOf('flagged'));
    await page.locator('.orders summary', { hasText: 'Withdraw' }).click();
    const form = page.locator('.orders details[open]');
    await form.locator('[name=reason]').fill('wrong study');
    await Promise.all([page.waitForURL(/done=withdraw/), form.locator('button').click()]);
    assert.match((await page.locator('main').textContent())!, /withdrawn: wrong study/);
    assert.equal((await findCase(db.database.knex, shown.flagged.id))!.state, 'closed');
  });
});
