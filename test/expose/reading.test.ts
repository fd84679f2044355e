import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe, { type AxeResults } from 'axe-core';
import { type Browser, chromium } from 'playwright-core';
import type { RunningHttp } from '../../agent/expose/server.js';
import { orderFor } from '../../agent/quality/reading.js';
import { seedDatabase } from '../../cli/seed/seed.js';
import { type ReadingStudy, readReadingStudy } from '../../db/tables/readingStudies.js';
import { parseLabels, parseReaders } from '../../models/evaluation/dataset.js';
import { cohenKappa } from '../../models/statistics/kappa.js';
import { PASSWORD, person, page as startPage } from '../access/rig.js';
import { Visitor } from '../access/visitor.js';
import { calcidisc } from '../support/command.js';
import { quietLog, useDatabase } from '../support/database.js';
import { needsPeer } from '../support/peers.js';
import { QUIET_BROWSER, SIZES } from './screen.js';

describe('expose: reader studies', function () {
  this.timeout(300_000);
  const db = useDatabase();
  let http: RunningHttp;
  let origin: string;
  let root: Visitor;
  let id: string;
  const readers = new Map<string, Visitor>();

  before(async () => {
    const options = { studies: 120, seed: 9, until: '2026-06-30', reports: 2, actor: 'user:tester' };
    await seedDatabase(db.database.knex, db.config, quietLog, options);
    http = await startPage(db);
    origin = `http://127.0.0.1:${http.port}`;
    await person(db.database, 'root', 'administrator');
    root = new Visitor(origin);
    await root.logIn('root', PASSWORD);
    for (const name of ['rita', 'rolf', 'third']) {
      await person(db.database, name, 'radiologist');
      const visitor = new Visitor(origin);
      await visitor.logIn(name, PASSWORD);
      readers.set(name, visitor);
    }
  });
  after(() => http?.close());

  const study = async (): Promise<ReadingStudy> => (await readReadingStudy(db.database.knex, id))!;

  it('is made of discs that a CT tells, as many calcified as not, the same for the same seed', async () => {
    const make = async (name: string, seed: string) => {
      const { text } = await root.get('/reading');
      const [, csrf] = /name="_csrf" value="([^"]+)"/.exec(text)!;
      const body = new URLSearchParams({ _csrf: csrf!, name, discs: '12', seed, stratified: 'yes' });
      for (const reader of ['rita', 'rolf']) body.append('readers', reader);
      const cookie = [...root.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
      return fetch(`${origin}/reading`, {
        method: 'POST',
        redirect: 'manual',
        headers: { cookie, accept: 'text/html' },
        body,
      });
    };
    const answer = await make('autumn', '7');
    assert.equal(answer.status, 303);
    id = answer.headers.get('location')!.split('/').at(-1)!;
    const { items } = await study();
    assert.equal(items.length, 12);
    assert.equal(items.filter(({ ct }) => ct).length, 6);
    assert.equal((await make('autumn', '7')).status, 400);
    await make('same', '7');
    await make('other', '8');
    const regions = async (name: string) =>
      (await readReadingStudy(db.database.knex, name))!.items.map(({ discRegionId }) => discRegionId);
    assert.deepEqual(
      await regions('same'),
      items.map(({ discRegionId }) => discRegionId),
    );
    assert.notDeepEqual(
      await regions('other'),
      items.map(({ discRegionId }) => discRegionId),
    );
  });

  it('shows a reader the region and nothing that tells: no patient, level, model or CT', async () => {
    const { text } = await readers.get('rita')!.get(`/reading/${id}/read`);
    const main = text.slice(text.indexOf('<main'), text.indexOf('</main>'));
    const { items } = await study();
    for (const { caseId } of items) {
      const entry = await db.database.knex('worklistEntry').where({ caseId }).first('*');
      for (const told of [caseId, entry.patientId, entry.accessionNumber, entry.scanner])
        assert.ok(!main.includes(told), told);
    }
    assert.doesNotMatch(main, /L\d-[LS]\d|probability|resnet|densenet|flagged/);
    const picture = await readers.get('rita')!.get(`/reading/${id}/picture?at=1`);
    assert.equal(picture.headers.get('content-type'), 'image/png');
  });

  it('nobody else reads, and nobody is told results before the end', async () => {
    assert.equal((await readers.get('third')!.get(`/reading/${id}/read`)).status, 404);
    assert.equal((await readers.get('third')!.get(`/reading/${id}/picture?at=1`)).status, 404);
    assert.equal((await root.get(`/reading/${id}/read`)).status, 403);
    for (const visitor of [root, readers.get('rita')!]) {
      assert.doesNotMatch((await visitor.get(`/reading/${id}`)).text, /Sensitivity/);
      assert.equal((await visitor.get(`/reading/${id}/readers.csv`)).status, 400);
    }
    assert.equal((await readers.get('rita')!.get(`/reading/${id}/consensus`)).status, 400);
  });

  it('by keyboard in a browser: answers, goes back, pauses and goes on where it was', async function () {
    needsPeer(this, 'chromium');
    const browser: Browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: QUIET_BROWSER,
    });
    const page = await browser.newPage({ viewport: SIZES.desk });
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await page.goto(`${origin}/login`);
    await page.locator('[name=name]').fill('rita');
    await page.locator('[name=password]').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${origin}/`);
    await page.goto(`${origin}/reading/${id}`);
    await page.getByText('Begin to read').click();
    const heading = async (text: string) => {
      await page.locator('h1', { hasText: text }).waitFor();
      // The keys are the script's, which runs when the page is whole.
      await page.waitForLoadState('load');
    };
    await heading('Disc 1 of 12');
    await page.keyboard.press('y');
    await page.keyboard.press('4');
    await page.keyboard.press('Enter');
    await heading('Disc 2 of 12');
    await page.keyboard.press('n');
    // Elsewhere n turns a page: a reader who takes a moment is still at this disc, with that answer.
    await page.waitForTimeout(500);
    await heading('Disc 2 of 12');
    assert.equal(await page.locator('input[name=calcified]:checked').inputValue(), 'no');
    await page.keyboard.press('5');
    await page.keyboard.press('Enter');
    await heading('Disc 3 of 12');
    await page.keyboard.press('ArrowLeft');
    await heading('Disc 2 of 12');
    assert.equal(await page.locator('input[name=calcified]:checked').inputValue(), 'no');
    await page.keyboard.press('2');
    await page.keyboard.press('Enter');
    await heading('Disc 3 of 12');
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate<AxeResults>('axe.run()');
    assert.deepEqual(
      violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map((each) => each.id),
      [],
    );
    const dir = process.env.CALCIDISC_PICTURES;
    if (dir) await page.screenshot({ path: `${dir}/reading.png` });
    await page.getByText('← Pause').click();
    await page.getByText('Go on: 2 of 12 read').click();
    await heading('Disc 3 of 12');
    assert.deepEqual(complaints, []);
    await browser.close();
    const { answers } = await study();
    assert.deepEqual(answers.map(({ confidence }) => confidence).sort(), [2, 4]);
  });

  it('each reader has an order of their own; where they differ they agree together; then results', async () => {
    const truth = new Map((await study()).items.map(({ number, ct }) => [number, ct]));
    const orders = (await study()).readers.map(async ({ accountId }) =>
      orderFor(await study(), accountId).map(({ number }) => number),
    );
    const [first, second] = await Promise.all(orders);
    assert.notDeepEqual(first, second);
    assert.deepEqual([...first!].sort(), [...second!].sort());
    for (const name of ['rita', 'rolf']) {
      const visitor = readers.get(name)!;
      const path = `/reading/${id}/read`;
      const { items } = await study();
      for (let at = 1; at <= items.length; at++) {
        // The first reader is right of all, the second wrong of every fourth.
        const answer = await visitor.post(
          path,
          { at: String(at), calcified: 'yes', confidence: '3' },
          `${path}?at=${at}`,
        );
        assert.equal(answer.status, 303);
        const after = await study();
        const newest = after.answers.toSorted((a, b) => b.answeredAt.getTime() - a.answeredAt.getTime())[0]!;
        const isRight = name === 'rita' || newest.number % 4 !== 0;
        const calcified = truth.get(newest.number) === isRight ? 'yes' : 'no';
        await visitor.post(path, { at: String(at), calcified, confidence: '3' }, `${path}?at=${at}`);
      }
    }
    const rita = readers.get('rita')!;
    assert.doesNotMatch((await rita.get(`/reading/${id}`)).text, /Sensitivity/, 'no reader before the end');
    assert.match((await rita.get(`/reading/${id}`)).text, /Agree on 3 on which readers differ/);
    for (let at = 1; at <= 3; at++) {
      const path = `/reading/${id}/consensus`;
      const page = await rita.get(`${path}?at=${at}`);
      assert.match(page.text, /rita: (not )?calcified, confidence 3[\s\S]*rolf: (not )?calcified/);
      assert.equal(
        (await rita.post(path, { at: String(at), calcified: 'yes', confidence: '5' }, `${path}?at=${at}`))
          .status,
        303,
      );
    }
    const { text } = await root.get(`/reading/${id}`);
    assert.match(
      text,
      /rita<small>reader<\/small><\/th><td class="number">12<\/td><td class="number">1\.000/,
    );
    assert.match(text, /resnet34@\d+<small>model/);
    assert.match(text, /rita and rolf: kappa 0\.500/);
    assert.equal((await root.post(`/reading/${id}/close`, {}, `/reading/${id}`)).status, 303);
    const late = await rita.post(
      `/reading/${id}/read`,
      { at: '1', calcified: 'no', confidence: '1' },
      '/account',
    );
    assert.equal(late.status, 400);
    assert.match((await rita.get(`/reading/${id}`)).text, /Sensitivity/);
    const { rows } = await db.database.knex.raw(
      "SELECT event, count(*)::integer AS n FROM audit_event WHERE subject_type = 'reading-study' GROUP BY 1 ORDER BY 1",
    );
    assert.deepEqual(
      rows.map(({ event }: { event: string }) => event),
      ['READING_ANSWERED', 'READING_STUDY_CLOSED', 'READING_STUDY_CREATED'],
    );
  });

  it('the export is what evaluate takes, without a name', async () => {
    const out = await mkdtemp(join(tmpdir(), 'calcidisc-reading-'));
    const env = { DATABASE_URL: db.database.url, CALCIDISC_DATA: db.config.dataDir };
    const { code, stderr } = await calcidisc(['reading', 'export', 'autumn', '--out', out], { env });
    assert.equal(code, 0, stderr);
    const labels = await readFile(join(out, 'labels.csv'), 'utf8');
    const { regions } = parseLabels(labels, 'labels.csv');
    assert.equal(regions.length, 12);
    const people = parseReaders(await readFile(join(out, 'readers.csv'), 'utf8'), 'readers.csv');
    assert.deepEqual(people.map(({ name, answers }) => [name, answers.size]).sort(), [
      ['consensus', 3],
      ['rita', 12],
      ['rolf', 12],
    ]);
    const files = new Set(regions.map(({ file }) => file));
    assert.ok(people.every(({ answers }) => [...answers.keys()].every((file) => files.has(file))));
    const { patientId } = await db.database.knex('worklistEntry').first('patientId');
    assert.ok(!labels.includes(patientId));
    await rm(out, { recursive: true });
  });
});

/** Counts no-no, no-yes, yes-no, yes-yes; kappa, and its 95 % interval, by statsmodels 0.14's cohens_kappa. */
const KAPPAS: readonly (readonly [readonly [number, number, number, number], number, number, number])[] = [
  [[40, 9, 6, 45], 0.6995192307692307, 0.5595903407506923, 0.8394481207877692],
  [[80, 5, 10, 5], 0.318181818181818, 0.05661184308109374, 0.5797517932825422],
  [[3, 2, 1, 6], 0.47058823529411764, -0.035196526127146965, 0.9763729967153822],
];

describe("statistics: Cohen's kappa, against statsmodels", () => {
  const pairsOf = (nn: number, ny: number, yn: number, yy: number) =>
    (
      [
        [false, false, nn],
        [false, true, ny],
        [true, false, yn],
        [true, true, yy],
      ] as const
    ).flatMap(([a, b, n]) => Array.from({ length: n }, () => [a, b] as const));
  for (const [counts, kappa, low, high] of KAPPAS)
    it(`${counts.join(', ')}: ${kappa}`, () => {
      const found = cohenKappa(pairsOf(...counts))!;
      assert.ok(Math.abs(found.kappa - kappa) < 1e-9);
      assert.ok(Math.abs(found.interval!.low - low) < 1e-9 && Math.abs(found.interval!.high - high) < 1e-9);
    });
  it('one who says the same of everything has none with another like them', () => {
    assert.equal(cohenKappa(pairsOf(5, 0, 0, 0)), null);
    assert.equal(cohenKappa([]), null);
  });
});
