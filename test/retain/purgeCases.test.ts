import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type RunningHttp, startHttp } from '../../agent/expose/server.js';
import { openFiles } from '../../agent/holders/files.js';
import { planCasePurge, purgeCases } from '../../agent/retain/purgeCases.js';
import { locateStep } from '../../agent/steps/locate.js';
import { listAudit } from '../../db/tables/audit.js';
import { findCase, reviseCase } from '../../db/tables/cases.js';
import { ensureDeliveries } from '../../db/tables/deliveries.js';
import { listInferences } from '../../db/tables/inferences.js';
import { setLegalHold } from '../../db/tables/legalHolds.js';
import { registerModel } from '../../db/tables/models.js';
import { findReading, listReadRegions } from '../../db/tables/readings.js';
import { listRegions } from '../../db/tables/regions.js';
import { insertReportObject, packObject } from '../../db/tables/reportObjects.js';
import { listResearchDiscs } from '../../db/views/research.js';
import { replayCase } from '../../worker/replay.js';
import { insertRoutedCase } from '../deliver/reportedCase.js';
import { calcidisc } from '../support/command.js';
import { quietLog, useDatabase } from '../support/database.js';
import { chanceDiscs, insertDiscs } from '../support/judgedCases.js';

const DAYS = 30;
const ROUTE = { mode: 'live', rule: null, urgency: 'routine', sends: [], why: null } as const;
const PURGED =
  /deleted on \d{4}-\d\d-\d\d by policy \(retention\.(regions|reports)Days: 30 days; user:anna\)/;

describe('retention: pictures of what was read and files of reports go by policy, and what they said stays', () => {
  const db = useDatabase({ http: { port: 0 } });
  const knex = () => db.database.knex;
  const parts = () => ({ database: db.database, days: DAYS, actor: 'user:anna' });
  let http: RunningHttp;

  before(async () => {
    const queues = { depth: async () => ({ agent: 0, worker: 0 }) };
    http = await startHttp({ config: db.config, database: db.database, queues, log: quietLog });
  });
  after(() => http?.close());
  afterEach(() => knex()('case').update({ stateSince: new Date() }));
  const page = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${http.port}${path}`);
    return { status: answer.status, text: await answer.text() };
  };

  /** A case that was delivered 60 days ago, with discs, answers, heat maps, SR, picture and a message. */
  async function oldCase() {
    const { row, report } = await insertRoutedCase(db.database, ROUTE);
    const { model } = await registerModel(knex(), {
      name: `m-${randomUUID()}`,
      version: '1',
      kind: 'classifier',
      path: 'none',
      sha256: 'ab'.repeat(32),
      card: {},
    });
    await insertDiscs(db.database, row, model, chanceDiscs(7));
    await knex()('inference')
      .whereIn('discRegionId', knex()('discRegion').where({ caseId: row.id }).select('id'))
      .update({ cam: Buffer.alloc(196) });
    await insertReportObject(
      knex(),
      report.id,
      await packObject({
        form: 'sc',
        sopInstanceUid: `${report.sopInstanceUid}.1`,
        seriesInstanceUid: '1.2',
        sopClassUid: '1.2',
        file: Buffer.from('picture'),
        fileSha256: 'a'.repeat(64),
      }),
    );
    const [delivery] = await ensureDeliveries(knex(), report.id, ['ris']);
    await knex()('delivery').where({ id: delivery!.id }).update({ state: 'stored', storedAt: new Date() });
    await knex()('deliveryForm').insert({
      deliveryId: delivery!.id,
      form: 'oru',
      status: 'AA',
      sha256: 'a'.repeat(64),
      message: Buffer.from('MSH'),
    });
    await knex()('case')
      .where({ id: row.id })
      .update({ state: 'delivered', stateSince: new Date(Date.now() - 60 * 86_400_000) });
    return { row, report, delivery: delivery!, id: row.id };
  }
  type Old = Awaited<ReturnType<typeof oldCase>>;

  it('regions, heat maps and slices: a dry run says so, then they are gone, and page, replay, export and JSON say by which policy', async () => {
    const { row, id } = await oldCase();
    const plan = await planCasePurge('regions', parts());
    assert.deepEqual([plan.cases, plan.kept], [1, {}]);
    assert.ok(plan.pieces >= 11 && plan.bytes > 1000, JSON.stringify(plan));
    assert.ok((await listRegions(knex(), id, 1)).every(({ png }) => png !== null));
    assert.deepEqual(await purgeCases('regions', parts()), plan);
    const regions = await listRegions(knex(), id, 1);
    assert.ok(regions.length === 5 && regions.every(({ png, pngSha256 }) => png === null && pngSha256));
    assert.ok(
      (await listInferences(knex(), id, 1)).every(({ cam, probability }) => !cam && probability >= 0),
    );
    assert.equal((await purgeCases('regions', parts())).cases, 0);

    const [event] = await listAudit(knex(), 'case', id, 1);
    assert.deepEqual([event!.event, event!.actor, event!.detail.days], ['REGIONS_PURGED', 'user:anna', DAYS]);
    const { text, status } = await page(`/cases/${id}`);
    assert.equal(status, 200);
    assert.match(text, PURGED);
    assert.doesNotMatch(text, /L5-S1\.png/);
    for (const picture of ['regions/L5-S1.png', 'regions/L5-S1/cam.png', 'slice.png?modality=MR']) {
      const answer = await page(`/api/cases/${id}/${picture}`);
      assert.deepEqual([answer.status, PURGED.test(answer.text)], [404, true], picture);
    }
    const never = () => assert.fail('nothing is run');
    await assert.rejects(
      replayCase({ tx: knex(), folders: [], engine: never }, row),
      /deleted on .* by policy.*the answers stand/,
    );
    const discs = (await listResearchDiscs(knex())).filter(({ caseId }) => caseId === id);
    assert.ok(discs.length === 5 && discs.every(({ isPurged }) => isPurged));
    const env = { CALCIDISC_DATA: db.config.dataDir, DATABASE_URL: db.config.database.url! };
    const replay = await calcidisc(['replay', id], { env });
    assert.equal(replay.code, 4, 'not to be taken for a difference');
    assert.match(replay.stderr, PURGED);
    assert.match((await calcidisc(['case', id], { env })).stdout, PURGED);
  }).timeout(60_000);

  it('files of reports: gone with the messages, and page, download and command say so; what they said stays', async () => {
    const { report, delivery, id } = await oldCase();
    const plan = await planCasePurge('reports', parts());
    assert.deepEqual([plan.cases, plan.pieces], [1, 3]);
    assert.deepEqual(await purgeCases('reports', parts()), plan);
    const kept = await knex()('report').where({ id: report.id }).first('file', 'fileSha256');
    assert.deepEqual([kept.file, kept.fileSha256], [null, report.fileSha256]);
    assert.equal((await knex()('reportObject').where({ reportId: report.id }).first()).fileGzip, null);
    assert.equal((await knex()('deliveryForm').where({ deliveryId: delivery.id }).first()).message, null);
    assert.ok((await knex()('result').where({ reportId: report.id }).first()).input);
    const { text, status } = await page(`/cases/${id}`);
    assert.equal(status, 200);
    assert.match(text, PURGED);
    assert.doesNotMatch(text, /report\.dcm/);
    for (const file of ['report.dcm', 'report.txt']) {
      const answer = await page(`/api/cases/${id}/${file}`);
      assert.deepEqual([answer.status, PURGED.test(answer.text)], [404, true], file);
    }
    const env = { CALCIDISC_DATA: db.config.dataDir, DATABASE_URL: db.config.database.url! };
    const shown = await calcidisc(['case', id, '--report'], { env });
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, PURGED);
  }).timeout(60_000);

  const NEEDED: Readonly<Record<string, (old: Old) => Promise<unknown>>> = {
    'a legal hold': ({ row }) =>
      setLegalHold(knex(), {
        studyInstanceUid: row.mrStudyInstanceUid,
        reason: 'claim',
        setBy: 'user:anna',
      }),
    'the case is open': ({ id }) => knex()('case').where({ id }).update({ state: 'parked' }),
    'it is silent, and may yet be sent': async ({ id, report }) => {
      await knex()('case').where({ id }).update({ state: 'reported' });
      await knex()('result').where({ reportId: report.id }).update({ mode: 'silent' });
    },
    'a delivery is not done': ({ report }) => ensureDeliveries(knex(), report.id, ['pacs']),
    'a form that was refused may be sent again': ({ delivery }) =>
      knex()('delivery').where({ id: delivery.id }).update({ lastErrorCode: 'DESTINATION_REFUSED' }),
    'its safe keeping is being asked for': ({ delivery }) =>
      knex()('delivery').where({ id: delivery.id }).update({ commitment: 'requested' }),
    'somebody has to be told of it': ({ id }) =>
      knex()('notice').insert({
        id: randomUUID(),
        caseId: id,
        revision: 1,
        kind: 'parked',
        occasion: new Date(),
        destination: 'mail',
      }),
  };
  for (const [why, need] of Object.entries(NEEDED))
    it(`stays: ${why}`, async () => {
      const old = await oldCase();
      await need(old);
      await knex()('case')
        .where({ id: old.id })
        .update({ stateSince: new Date(Date.now() - 60 * 86_400_000) });
      for (const what of ['regions', 'reports'] as const) {
        const done = await purgeCases(what, parts());
        assert.deepEqual([done.cases, done.kept], [0, { [why]: 1 }]);
      }
      assert.ok((await listRegions(knex(), old.id, 1)).every(({ png }) => png !== null));
      assert.ok((await knex()('report').where({ id: old.report.id }).first()).file);
    });

  it('a reader study that is not closed keeps the pictures of its discs', async () => {
    const { id } = await oldCase();
    const studyId = randomUUID();
    await knex()('readingStudy').insert({
      id: studyId,
      name: studyId,
      seed: 1,
      isStratified: false,
      createdBy: 'user:anna',
    });
    const [region] = await listRegions(knex(), id, 1);
    await knex()('readingItem').insert({
      studyId,
      number: 1,
      discRegionId: region!.id,
      caseId: id,
      level: region!.level,
      ct: true,
    });
    assert.deepEqual((await purgeCases('regions', parts())).kept, { 'a reader study shows its discs': 1 });
    await knex()('readingStudy').where({ id: studyId }).update({ closedAt: new Date() });
    assert.equal((await purgeCases('regions', parts())).cases, 1);
  });

  it('a reading loses its pictures too; a case that needs them again has the series read again', async () => {
    const { row, id } = await oldCase();
    const readingId = randomUUID();
    const at = new Date(Date.now() - 60 * 86_400_000);
    await knex()('seriesReading').insert({
      id: readingId,
      seriesInstanceUid: row.mrSeriesInstanceUid,
      modality: 'MR',
      contentSha256: 'a',
      readerSha256: 'b',
      localiserName: 'localiser',
      localiserVersion: '1',
      localiserSha256: 'c',
      state: 'done',
      endedAt: at,
      result: JSON.stringify({ status: 'located', discs: [], reasons: [] }),
      slicePng: Buffer.from('slice'),
      milliseconds: 1,
    });
    await knex()('seriesReadingRegion').insert({
      readingId,
      level: 'L5-S1',
      png: Buffer.from('region'),
      pngSha256: 'd',
    });
    await purgeCases('regions', parts());
    const gone = (await findReading(knex(), readingId))!;
    assert.deepEqual([gone.slicePng, await listReadRegions(knex(), readingId)], [null, []]);
    assert.ok(gone.purgedAt && gone.result);

    await knex().transaction((trx) => reviseCase(trx, { id, reason: 'a late image' }));
    await knex()('seriesChoice').insert({
      caseId: id,
      revision: 2,
      seriesInstanceUid: row.mrSeriesInstanceUid,
      readingId,
      candidates: '[]',
      agreement: '{"doubts": []}',
    });
    const files = openFiles({
      database: db.database,
      dataDir: db.config.dataDir,
      store: 1,
      secret: null,
    });
    const step = async () =>
      locateStep(
        { config: db.config, database: db.database, files, log: quietLog } as never,
        (await findCase(knex(), id))!,
      );
    await assert.rejects(
      step(),
      /deleted by policy \(retention\.regionsDays\): the series is being read again/,
    );
    assert.equal((await findReading(knex(), readingId))!.state, 'due');
    await knex()('seriesReading').where({ id: readingId }).update({
      state: 'failed',
      lastErrorCode: 'IMAGES_PURGED',
      lastError: 'its images were deleted',
    });
    await assert.rejects(step(), { code: 'IMAGES_PURGED', permanent: true });
  });
});
