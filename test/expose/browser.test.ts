import assert from 'node:assert/strict';
import { type Browser, chromium, type Page } from 'playwright-core';
import { LEVELS } from '../../agent/domain/levels.js';
import { type RunningHttp, startHttp } from '../../agent/expose/server.js';
import { moveCase } from '../../db/tables/cases.js';
import { quietLog, useDatabase } from '../support/database.js';
import { needsPeer } from '../support/peers.js';
import { contrastFailures } from './contrast.js';
import { QUIET_BROWSER, SIZES, WIDEST } from './screen.js';
import { fillShowcase, type Showcase } from './showcase.js';

describe('expose: the pages in a browser', function () {
  this.timeout(240_000);
  const db = useDatabase({ http: { port: 0 } });
  let http: RunningHttp;
  let browser: Browser;
  let page: Page;
  let shown: Showcase;
  const complaints: string[] = [];

  before(async function () {
    needsPeer(this, 'chromium');
    shown = await fillShowcase(db.config, db.database);
    const queues = { depth: async () => ({ agent: 0, worker: 0 }) };
    http = await startHttp({ config: db.config, database: db.database, queues, log: quietLog });
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: QUIET_BROWSER });
    page = await browser.newPage();
    // A policy that forbids what a page needs shows here, and nowhere else.
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('requestfailed', (request) => {
      // A page that is left while it looks for news breaks that look off.
      const isLeft = request.failure()?.errorText === 'net::ERR_ABORTED';
      if (!isLeft || request.headers()['x-calcidisc-refresh'] === undefined)
        complaints.push(`${request.url()} failed`);
    });
  });
  after(async () => {
    await browser?.close();
    await http?.close();
  });
  afterEach(() => {
    assert.deepEqual(complaints.splice(0), []);
  });

  const open = (path: string) => page.goto(`http://127.0.0.1:${http.port}${path}`);
  const caseOf = (name: 'flagged' | 'doubtful' | 'parked' | 'waiting' | 'received') =>
    `/cases/${shown[name].id}`;
  const everyPage = () => ['/', caseOf('flagged'), caseOf('doubtful'), caseOf('parked'), caseOf('received')];

  for (const [size, viewport] of Object.entries(SIZES))
    it(`nothing is cut off or hangs over on a ${size}`, async () => {
      await page.setViewportSize(viewport);
      for (const path of everyPage()) {
        await open(path);
        const overflow = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
        assert.ok(
          (overflow as number) <= 0,
          `${path} is ${overflow} px too wide: ${await page.evaluate(WIDEST)}`,
        );
        assert.ok(await page.getByText('not a medical device').first().isVisible(), path);
      }
    });

  it('every text stands out from its ground by 4.5 to 1', async () => {
    await page.setViewportSize(SIZES.desk);
    for (const path of everyPage()) {
      await open(path);
      assert.deepEqual(await page.evaluate(contrastFailures), [], path);
    }
  });

  it('the worklist shows a flag per level, in words and signs, not by colour alone', async () => {
    await page.setViewportSize(SIZES.desk);
    await open('/');
    const row = page.locator('tr', { hasText: 'PHANTOM' });
    const cells = await row.locator('td.level').allTextContents();
    assert.deepEqual(
      cells.map((cell) => cell.includes('●')),
      LEVELS.map((level) => ['L4-L5', 'L5-S1'].includes(level)),
    );
    assert.match((await row.textContent()) ?? '', /10 days later/);
    assert.match((await page.locator('tr', { hasText: 'ANDERSSON' }).textContent()) ?? '', /needs a person/);
  });

  it('filters by level, state, date and patient, and keeps what was typed', async () => {
    for (const [query, names] of [
      ['flag=calcified&level=L5-S1', ['PHANTOM']],
      ['flag=calcified&level=L3-L4', ['VON DER HEIDE']],
      ['flag=uncertain', ['OKAFOR']],
      ['state=parked', ['ANDERSSON']],
      ['from=2026-11-22', ['MOREAU', 'ANDERSSON']],
      ['from=2026-11-21&to=2026-11-22', ['ANDERSSON', 'OKAFOR']],
      ['find=P-1042', ['OKAFOR']],
    ] as const) {
      await open(`/?${query}`);
      const rows = await page.locator('table.worklist tbody tr').allTextContents();
      assert.equal(rows.length, names.length, query);
      for (const name of names)
        assert.ok(
          rows.some((row) => row.includes(name)),
          `${name} by ${query}`,
        );
    }
    await open('/?find=nobody');
    assert.equal(await page.locator('input[name=find]').inputValue(), 'nobody');
    assert.match((await page.locator('main').textContent()) ?? '', /No case matches/);
  });

  it('is as it was after a case and Back, by the browser’s button and by the link', async () => {
    await open('/');
    await page.locator('select[name=sort]').selectOption('patient');
    await page.locator('input[name=find]').fill('P-');
    await page.getByRole('button', { name: 'Find' }).click();
    // A page that is left while its pictures come has pictures that failed.
    const go = async (by: () => Promise<unknown>) => {
      await by();
      await page.waitForLoadState('networkidle');
    };
    const names = async () => page.locator('table.worklist tbody th a').allTextContents();
    const before = await names();
    assert.ok(before.length > 2);
    const isAsBefore = async () => {
      assert.deepEqual(await names(), before);
      assert.equal(await page.locator('select[name=sort]').inputValue(), 'patient');
      assert.equal(await page.locator('input[name=find]').inputValue(), 'P-');
    };
    await go(() => page.locator('table.worklist tbody th a').nth(1).click());
    await go(() => page.getByRole('link', { name: 'Next case' }).click());
    await go(() => page.goBack());
    await go(() => page.goBack());
    await isAsBefore();
    await go(() => page.locator('table.worklist tbody th a').nth(1).click());
    await page.getByRole('link', { name: '← Worklist' }).click();
    await isAsBefore();
  });

  it('turns pages, and another filter starts at its first page', async () => {
    await open('/?limit=2');
    const names = async () => page.locator('table.worklist tbody th a').allTextContents();
    const first = await names();
    await page.getByRole('link', { name: 'Older' }).click();
    const second = await names();
    assert.equal(new Set([...first, ...second]).size, 4);
    await page.getByRole('link', { name: 'Levels uncertain' }).click();
    assert.deepEqual(await names(), ['OKAFOR, ADA']);
  });

  it('the case page draws the five boxes on the slice, each over its disc', async () => {
    await open(caseOf('flagged'));
    const boxes = page.locator('section', { has: page.locator('#slice') }).locator('g.box');
    assert.equal(await boxes.count(), LEVELS.length);
    const drawn = shown.truth.mr.slices;
    const picture = (await page.locator('figure.slice svg').first().boundingBox())!;
    const { matrix } = shown.truth.settings.mr;
    for (const [i, level] of LEVELS.entries()) {
      const text = await boxes.nth(i).locator('text').textContent();
      assert.ok(text!.includes(level));
      const box = (await boxes.nth(i).locator('rect').boundingBox())!;
      const [col, row] = drawn[shown.truth.mr.midSlice.index]!.discs[level]!.centrePixel;
      const scale = picture.height / matrix;
      const left = picture.x + (picture.width - matrix * scale) / 2;
      const [x, y] = [left + col * scale, picture.y + row * scale];
      assert.ok(
        x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height,
        `${level} at ${x}, ${y}`,
      );
    }
  });

  it('every picture arrives, and says what it shows to who cannot see it', async () => {
    for (const path of [caseOf('flagged'), caseOf('waiting')]) {
      await open(path);
      const images = await page.locator('img').evaluateAll((all) =>
        all.map((image) => {
          const { naturalWidth, alt, src } = image as unknown as {
            naturalWidth: number;
            alt: string;
            src: string;
          };
          return { naturalWidth, alt, src };
        }),
      );
      assert.ok(images.length >= LEVELS.length);
      for (const { naturalWidth, alt, src } of images) {
        assert.ok(naturalWidth > 0, src);
        assert.ok(src.endsWith('cam.png') || alt.length > 10, src);
      }
    }
  });

  it('a disc says what the model and the CT hold of it, and whether they agree', async () => {
    await open(caseOf('flagged'));
    const disc = page.locator('li.disc', { hasText: 'L4-L5' });
    const text = (await disc.textContent()) ?? '';
    assert.match(text, /Calcified.*93 %/s);
    assert.match(text, /calcified from 42 %/);
    assert.match(text, /CT: calcified.*HU.*agrees/s);
    assert.match(text, /densenet121/);
  });

  it('the report can be read as a tree and taken as DICOM', async () => {
    await open(caseOf('flagged'));
    await page.getByText('The report as a tree').click();
    assert.match((await page.locator('pre').textContent()) ?? '', /calcification flagged/i);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByText(/Download the/).click(),
    ]);
    assert.match(download.suggestedFilename(), /\.dcm$/);
  });

  it('doubt, a parked case and a PACS that does not answer are told in words', async () => {
    await open(caseOf('doubtful'));
    assert.match(
      (await page.locator('[role=alert]').textContent()) ?? '',
      /levels are uncertain.*four or six/s,
    );
    await open(caseOf('parked'));
    assert.match((await page.locator('[role=alert]').textContent()) ?? '', /Parked.*PIXELS_UNSUPPORTED/s);
    await open(caseOf('waiting'));
    assert.match((await page.locator('main').textContent()) ?? '', /waiting, 1 attempt.*ECONNREFUSED/s);
  });

  it('works by keyboard: skip link first, then filters, then cases', async () => {
    await open('/');
    await page.keyboard.press('Tab');
    const focused = () => page.evaluate('document.activeElement.textContent');
    assert.equal(await focused(), 'Skip to content');
    const reached: unknown[] = [];
    // A field for a date has several stops.
    for (let i = 0; i < 48; i++) {
      await page.keyboard.press('Tab');
      reached.push(await focused());
    }
    assert.ok(reached.some((text) => String(text).includes('Flagged')));
    assert.ok(reached.some((text) => String(text).includes('PHANTOM')));
  });

  it('shows news without being asked, and leaves what is being typed alone', async () => {
    await open('/');
    const { id, revision } = shown.received;
    await page.locator('input[name=find]').fill('half a na');
    const { knex } = db.database;
    await knex.transaction((trx) => moveCase(trx, { id, revision, from: 'received', to: 'paired' }));
    await page.waitForTimeout(4_000);
    assert.equal(await page.locator('input[name=find]').inputValue(), 'half a na');
    await page.locator('h1').click();
    await page.locator('tr', { hasText: 'MOREAU' }).getByText('paired').waitFor({ timeout: 15_000 });
    assert.equal(await page.locator('input[name=find]').inputValue(), 'half a na', 'what was typed is gone');
  });
});
