import assert from 'node:assert/strict';
import { type RunningHttp, startHttp } from '../../agent/expose/server.js';
import { listAudit } from '../../db/tables/audit.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { insertLocalisation } from '../../db/tables/localisations.js';
import { insertMeasurements } from '../../db/tables/measurements.js';
import { listRegions } from '../../db/tables/regions.js';
import { makeCase } from '../support/cases.js';
import { quietLog, useDatabase } from '../support/database.js';
import { insertLocatedCase, regionsOf } from '../worker/locatedCases.js';
import { greyRegion, pngOf } from '../worker/regions.js';

const NAME = `O'HARA^<script>alert("x")</script>`;

describe('expose: pages and JSON over a real database', () => {
  const db = useDatabase({ http: { port: 0 } });
  let http: RunningHttp;
  let row: CaseRow;

  before(async () => {
    const queues = { depth: async () => ({ agent: 0, worker: 3 }) };
    http = await startHttp({ config: db.config, database: db.database, queues, log: quietLog });
    row = await insertLocatedCase(
      db.database,
      regionsOf([await pngOf(greyRegion(90)), await pngOf(greyRegion(20))]),
    );
    await db.database.knex('study').update({ patientName: NAME, patientId: 'P&1' });
  });
  after(() => http?.close());

  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${http.port}${path}`, { headers });
  const text = async (path: string) => (await get(path)).text();

  const localise = (
    { id: caseId, revision, mrSeriesInstanceUid: seriesInstanceUid }: CaseRow,
    modality: 'MR' | 'CT',
    status: 'located' | 'uncertain',
    reasons: string[] = [],
  ) =>
    insertLocalisation(db.database.knex, {
      caseId,
      revision,
      modality,
      seriesInstanceUid,
      status,
      reasons,
      sliceSopInstanceUid: null,
      sliceIndex: null,
      sliceCount: null,
      slicePng: null,
      pixelSpacingMm: null,
      localiserName: 'localiser',
      localiserVersion: '1',
      localiserSha256: '0'.repeat(64),
      milliseconds: 1,
    });

  it('markup in a patient name is text', async () => {
    for (const path of ['/', `/cases/${row.id}`]) {
      const page = await text(path);
      assert.ok(!page.includes('<script>alert'), path);
      assert.ok(page.includes('&lt;script&gt;'), path);
    }
  });

  it('every page says that this is research software with a simulated training', async () => {
    for (const path of ['/', `/cases/${row.id}`]) {
      const page = await text(path);
      assert.match(page, /not a medical device/);
      assert.match(page, /simulated/);
    }
  });

  it('nothing from elsewhere may run in a page', async () => {
    const policy = (await get('/')).headers.get('content-security-policy');
    assert.match(policy ?? '', /default-src 'none'/);
    assert.doesNotMatch(policy ?? '', /unsafe-inline/);
  });

  it('a region is served byte for byte as the model saw it', async () => {
    const [region] = await listRegions(db.database.knex, row.id, row.revision);
    const served = Buffer.from(
      await (await get(`/api/cases/${row.id}/regions/${region!.level}.png`)).arrayBuffer(),
    );
    assert.ok(served.equals(Buffer.from(region!.png!)));
  });

  for (const [path, status, says] of [
    ['/cases/00000000-0000-4000-8000-000000000000', 404, 'no such case'],
    ['/cases/%27%20OR%201=1', 404, 'no such case'],
    ['/api/cases?flag=wrong', 400, 'flag'],
    ['/api/cases?limit=100000', 400, 'limit'],
    ['/api/cases?state=lost', 400, 'state'],
    ['/api/cases?unknown=1', 400, 'unknown'],
  ] as const)
    it(`${path} is ${status} and says why`, async () => {
      const answer = await get(path);
      assert.equal(answer.status, status);
      assert.match(((await answer.json()) as { error: string }).error, new RegExp(says));
    });

  it('a case without a report or a picture says so instead of failing', async () => {
    for (const path of ['report.dcm', 'report.txt', 'slice.png?modality=CT', 'regions/L5-S9.png'])
      assert.equal((await get(`/api/cases/${row.id}/${path}`)).status, 404, path);
  });

  it('a look at a case is on the trail, its own refreshing is not', async () => {
    const looks = async () =>
      (await listAudit(db.database.knex, 'case', row.id)).filter(({ event }) => event === 'CASE_VIEWED')
        .length;
    const before = await looks();
    await get(`/cases/${row.id}`);
    await get(`/cases/${row.id}`, { 'x-calcidisc-refresh': '1' });
    assert.equal((await looks()) - before, 1);
  });

  it('levels in doubt are called out before anything else', async () => {
    await localise(row, 'MR', 'uncertain', ['sacrum not seen']);
    const page = await text(`/cases/${row.id}`);
    assert.match(page, /role="alert".*levels are uncertain.*sacrum not seen/s);
    const { cases } = (await (await get('/api/cases?flag=uncertain')).json()) as { cases: { id: string }[] };
    assert.deepEqual(
      cases.map(({ id }) => id),
      [row.id],
    );
  });

  it('what the CT says stands beside the disc, unless one of the two doubts its levels', async () => {
    const other = await insertLocatedCase(db.database, regionsOf([await pngOf(greyRegion(60))]));
    await insertMeasurements(db.database.knex, [
      {
        caseId: other.id,
        revision: other.revision,
        level: 'L1-L2',
        label: 'calcified',
        meanHu: 210.4,
        maxHu: 350,
        areaMm2: 31,
        huLow: 120.1,
        huHigh: 383.7,
        centrePatientMm: [0, 0, 0],
        centrePixel: [0, 0],
        roiPixel: [0, 0, 1, 1],
        confidence: 1,
      },
    ]);
    await localise(other, 'MR', 'located');
    await localise(other, 'CT', 'uncertain', ['sacrum not seen']);
    assert.doesNotMatch(await text(`/cases/${other.id}`), /mean 210 HU, max/);
    assert.doesNotMatch(await text('/'), /CT calcified/);
    await db.database.knex('localisation').where({ caseId: other.id }).update({ status: 'located' });
    assert.match(await text(`/cases/${other.id}`), /CT: calcified, mean 210 HU, max 350 HU/);
    assert.match(await text('/'), /CT calcified/);
  });

  it('finds by any part of name, patient ID or accession number, and a sign of LIKE stands for itself', async () => {
    const found = async (find: string) =>
      ((await (await get(`/api/cases?find=${encodeURIComponent(find)}`)).json()) as { cases: unknown[] })
        .cases.length;
    assert.equal(await found('P&1'), 1);
    assert.deepEqual(
      [await found('p&'), await found('hara'), await found('%'), await found('P_1')],
      [1, 1, 0, 0],
    );
    const studies = () => db.database.knex('study').where({ studyInstanceUid: row.mrStudyInstanceUid });
    await studies().update({ patientName: 'MÜLLER^Änne' });
    assert.deepEqual(
      [await found('müller'), await found('MÜLLER'), await found('änne, mül'), await found('muller')],
      [1, 1, 1, 0],
    );
    await studies().update({ patientName: NAME });
  });

  it('metrics and health are there for a monitor', async () => {
    const metrics = await text('/metrics');
    assert.match(metrics, /calcidisc_cases\{state="located"\} 2/);
    assert.match(metrics, /calcidisc_queue_jobs\{queue="worker"\} 3/);
    assert.equal((await get('/readyz')).status, 200);
    assert.match(metrics, /calcidisc_condition\{what="receiving"\} 1/);
  });

  it('the beginning of several ids is no case: 409, and what to do', async () => {
    const all = [row];
    // Seventeen ids begin with sixteen digits.
    while (all.length < 17) all.push(await makeCase(db.database.knex));
    const [shared] = all.map(({ id }) => id[0]!).filter((digit, i, digits) => digits.indexOf(digit) !== i);
    for (const path of [`/cases/${shared}`, `/api/cases/${shared}`]) {
      const answer = await get(path);
      assert.equal(answer.status, 409, path);
      assert.match(((await answer.json()) as { detail: string }).detail, /give more of its id/);
    }
    assert.equal((await get(`/api/cases/${row.id.slice(0, 20)}`)).status, 200);
  });
});
