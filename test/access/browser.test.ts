import assert from 'node:assert/strict';
import axe, { type AxeResults } from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { makeFirstLink } from '../../agent/access/links.js';
import type { RunningHttp } from '../../agent/expose/server.js';
import { contrastFailures } from '../expose/contrast.js';
import { QUIET_BROWSER, SIZES, WIDEST } from '../expose/screen.js';
import { useDatabase } from '../support/database.js';
import { needsPeer } from '../support/peers.js';
import { insertLocatedCase, regionsOf } from '../worker/locatedCases.js';
import { greyRegion, pngOf } from '../worker/regions.js';
import { PASSWORD, person, page as startPage } from './rig.js';

describe('access: set-up, log-in and accounts in a browser', function () {
  this.timeout(240_000);
  const db = useDatabase();
  let http: RunningHttp;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let origin: string;
  const complaints: string[] = [];

  before(async function () {
    needsPeer(this, 'chromium');
    http = await startPage(db);
    origin = `http://127.0.0.1:${http.port}`;
    await insertLocatedCase(db.database, regionsOf([await pngOf(greyRegion(90))]));
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: QUIET_BROWSER });
    context = await browser.newContext();
    page = await context.newPage();
    page.on('console', (message) => {
      // A wrong password is answered 401, which Chromium calls an error.
      if (message.type() === 'error' && !/status of 40[01]/.test(message.text()))
        complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
  });
  after(async () => {
    await browser?.close();
    await http?.close();
  });
  afterEach(() => assert.deepEqual(complaints.splice(0), []));

  /** Legible, within the window, and taken where a person asks for pictures (CALCIDISC_PICTURES). */
  async function looksRight(name: string): Promise<void> {
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      const overflow = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
      assert.ok((overflow as number) <= 0, `${name}, ${size}: ${await page.evaluate(WIDEST)}`);
      const dir = process.env.CALCIDISC_PICTURES;
      if (dir) await page.screenshot({ path: `${dir}/${name}-${size}.png` });
    }
    await page.setViewportSize(SIZES.desk);
    assert.deepEqual(await page.evaluate(contrastFailures), [], name);
    // The page's policy lets no script in: it is run as the browser's own.
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate<AxeResults>('axe.run()');
    const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    assert.deepEqual(
      grave.map(({ id, nodes }) => [id, nodes[0]?.html]),
      [],
      name,
    );
  }

  it('the one-time link leads through the set-up into the worklist, by keyboard alone', async () => {
    await page.goto(`${origin}/`);
    await looksRight('login-first');
    await page.goto(`${origin}${(await makeFirstLink(db.database.knex))!.path}`);
    await page.locator('[name=name]:focus').waitFor();
    await page.keyboard.type('root');
    await page.keyboard.press('Tab');
    await page.keyboard.type('short');
    await page.keyboard.press('Tab');
    await page.keyboard.type('short');
    await looksRight('set-up');
    await page.getByLabel('New password').fill(PASSWORD);
    await page.getByLabel('Once more').fill('seven green heronx');
    await page.keyboard.press('Enter');
    assert.match((await page.getByRole('alert').textContent())!, /differ/);
    assert.equal(await page.getByLabel('Name').inputValue(), 'root');
    await looksRight('set-up-refused');
    await page.getByLabel('New password').fill(PASSWORD);
    await page.getByLabel('Once more').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${origin}/`);
    await page.locator('details.account summary').focus();
    await page.keyboard.press('Enter');
    await page.locator('details.account[open]').waitFor();
    await page.goto(`${origin}/account`);
    await page.locator('details.account summary').click();
    await looksRight('menu');
  });

  it('an administrator adds a person and a token, and is shown link and token this once', async () => {
    await page.getByRole('link', { name: 'Accounts' }).click();
    await person(db.database, 'anna', 'radiologist');
    const adding = page.locator('form[action="/accounts"]');
    await adding.getByLabel('Name').fill('auditor@hospital.example');
    await adding.getByLabel('Role').selectOption('auditor');
    await adding.getByRole('button').click();
    assert.match((await page.locator('code.secret').textContent())!, /\/set-up\?token=[\w-]{43}$/);
    await looksRight('accounts');
    const token = page.locator('form[action="/tokens"]');
    await token.getByLabel('Name').fill('prometheus');
    await token.getByLabel('Role').selectOption('monitor');
    await token.getByRole('button').click();
    assert.match((await page.locator('code.secret').textContent())!, /^calcidisc_[\w-]{43}$/);
    await page.goto(`${origin}/accounts`);
    assert.equal(await page.locator('code.secret').count(), 0);
    await page.getByLabel('Role of anna').selectOption('viewer');
    await page.locator('tr', { hasText: 'anna' }).getByRole('button', { name: 'Set' }).click();
    assert.equal(await page.getByLabel('Role of anna').inputValue(), 'viewer');
    await page.getByRole('button', { name: 'Close: anna' }).click();
    await page.getByRole('button', { name: 'Open again: anna' }).click();
    await page.getByRole('button', { name: 'Close: root' }).click();
    assert.match((await page.getByRole('alert').textContent())!, /last administrator/);
    await looksRight('refused');
  });

  it('logs out, says what was wrong with a log-in, and brings back to where one wanted to go', async () => {
    await page.goto(`${origin}/account`);
    await looksRight('account');
    await page.locator('details.account summary').click();
    await page.getByRole('button', { name: 'Log out', exact: true }).click();
    assert.match((await page.getByRole('status').textContent())!, /logged out/);
    await looksRight('login');
    await page.goto(`${origin}/find?q=nobody`);
    await page.locator('[name=name]:focus').waitFor();
    await page.keyboard.type('anna');
    await page.keyboard.press('Tab');
    await page.keyboard.type('not this one');
    await page.keyboard.press('Enter');
    assert.match((await page.getByRole('alert').textContent())!, /not right/);
    await looksRight('login-wrong');
    await page.locator('[name=password]:focus').waitFor();
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${origin}/find?q=nobody`);
    assert.match((await page.locator('details.account summary').textContent())!, /anna\s+viewer/);
    await page.goto(`${origin}/accounts`);
    assert.match((await page.getByRole('alert').textContent())!, /anna is viewer here/);
    complaints.splice(0);
  });

  it('a worklist that was logged out elsewhere asks who looks, and never shows a form in its rows', async () => {
    await page.goto(`${origin}/`);
    await db.database.knex('accessSession').delete();
    await page.waitForURL(/\/login/, { timeout: 20_000 });
    complaints.splice(0);
  });
});
