import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import type { Level } from '../../agent/domain/levels.js';
import { readReport, renderReport } from '../../agent/report/tree.js';
import { dicomFilesIn } from '../../cli/demo/pacs.js';
import { type RunningService, startService } from '../../cli/service.js';
import { parseConfig } from '../../config/load.js';
import { verifyAudit } from '../../db/tables/audit.js';
import { listCases } from '../../db/tables/cases.js';
import { findReportObject } from '../../db/tables/reportObjects.js';
import { type CaseView, readCaseView } from '../../db/views/caseView.js';
import { type PhantomTruth, writePhantom } from '../../models/phantom/phantom.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { runTool } from '../support/dcmtk.js';
import { type RunningOrthanc, startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { startRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const CALCIFIED: Level[] = ['L4-L5'];

describe('the whole path, DICOM in to Structured Report in a real PACS', function () {
  this.timeout(120_000);
  let orthanc: RunningOrthanc;
  let dir: string;
  let truth: PhantomTruth;

  before(async function () {
    needsPeer(this, 'orthanc');
    orthanc = await startOrthanc();
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-path-'));
    truth = await writePhantom({ outDir: dir, seed: 21, calcified: CALCIFIED });
  });
  after(async () => {
    await orthanc?.stop();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  for (const queue of ['PostgreSQL', 'Redis'] as const)
    describe(`with the queue in ${queue}`, () => {
      let test: TestDatabase;
      let redis: Awaited<ReturnType<typeof startRedis>> | undefined;
      let service: RunningService;

      before(async function () {
        if (queue === 'Redis') needsPeer(this, 'redis');
        redis = queue === 'Redis' ? await startRedis() : undefined;
        test = await createTestDatabase();
        service = await startService(configFor(test, orthanc, redis?.url), quietLog, {
          agent: true,
          worker: true,
        });
      });
      after(async () => {
        await service?.close();
        await test?.close();
        await redis?.stop();
      });

      it('an MR without a CT is reported as such', async () => {
        await send(join(dir, 'mr'), service);
        const view = await untilDelivered(service, truth, 1);
        assert.equal(view.pairing?.outcome, 'no-ct');
        assert.equal(view.mr?.status, 'located', view.mr?.reasons.join('; '));
        assert.equal(view.regions.length, 5);
        assert.equal(view.inferences.filter(({ role }) => role === 'active').length, 5);
        for (const region of view.regions) assertNear(region, truth);
      });

      it('the CT that comes later is picked up: a second report amends the first', async () => {
        await send(join(dir, 'ct'), service);
        const view = await untilDelivered(service, truth, 2);
        assert.equal(view.pairing?.outcome, 'paired');
        assert.equal(view.pairing?.intervalDays, 10);
        const [second, first] = view.reports;
        assert.equal(second?.predecessorSopInstanceUid, first?.sopInstanceUid);
        const labels = new Map(view.measurements.map(({ level, label }) => [level, label]));
        assert.equal(labels.get('L4-L5'), 'calcified', 'the CT shows what the phantom has');
        assert.equal(labels.size, 5);
      });

      it('the PACS has exactly these two reports, valid, and they read back', async function () {
        const view = await untilDelivered(service, truth, 2);
        for (const { sopInstanceUid } of view.reports) {
          const file = join(dir, `${sopInstanceUid}.dcm`);
          await writeFile(file, await fetchReport(orthanc, sopInstanceUid));
          needsPeer(this, 'dicom3tools');
          const { output } = await runTool('dciodvfy', [file]);
          assert.doesNotMatch(output, /^(\(.*\) - )?Error/m);
        }
        const newest = await fetchReport(orthanc, view.reports[0]!.sopInstanceUid);
        const text = renderReport(readReport(newest));
        assert.match(text, /Intervertebral disc of fourth and fifth lumbar vertebrae|L4-L5/);
        assert.match(text, /simulated/i, 'the report says how the model was trained');
      });

      it('the picture of each is there, in one series of its own', async () => {
        const view = await untilDelivered(service, truth, 2);
        const pictures = await Promise.all(
          view.reports.map(({ id }) => findReportObject(service.database.knex, id, 'sc')),
        );
        assert.equal(new Set(pictures.map((each) => each!.seriesInstanceUid)).size, 1);
        for (const { sopInstanceUid } of pictures.map((each) => each!))
          await fetchReport(orthanc, sopInstanceUid);
        assert.deepEqual(
          view.deliveries.map(({ forms }) => forms),
          [
            ['sr', 'sc'],
            ['sr', 'sc'],
          ],
        );
      });

      it('what the PACS sends back of our own is not read, and begins nothing', async () => {
        const before = await untilDelivered(service, truth, 2);
        const own = before.reports.map(({ sopInstanceUid }) => sopInstanceUid);
        for (const { id } of before.reports)
          own.push((await findReportObject(service.database.knex, id, 'sc'))!.sopInstanceUid);
        for (const uid of own) await writeFile(join(dir, `back-${uid}.dcm`), await fetchReport(orthanc, uid));
        await sendFiles(
          own.map((uid) => join(dir, `back-${uid}.dcm`)),
          service,
        );
        await new Promise((resolve) => setTimeout(resolve, 4_000));
        const after = await untilDelivered(service, truth, 2);
        assert.deepEqual(after.reports, before.reports);
        assert.deepEqual(await listCases(service.database.knex), [after.case]);
      });

      it('the audit trail tells it, and its chain is whole', async () => {
        const view = await untilDelivered(service, truth, 2);
        const events = view.audit.map(({ event }) => event);
        assert.ok(events.includes('CASE_CREATED') && events.includes('CASE_REVISED'));
        assert.equal(
          events.filter((event) => event === 'CASE_MOVED').length,
          10,
          'five moves in each of two revisions',
        );
        assert.ok((await verifyAudit(service.database.knex)).ok);
      });

      it('the same images again change nothing', async () => {
        await send(join(dir, 'mr'), service);
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        const [row] = await listCases(service.database.knex, {
          mrStudyInstanceUid: truth.mr.studyInstanceUid,
        });
        assert.deepEqual([row?.state, row?.revision], ['delivered', 2]);
      });
    });
});

function configFor({ config }: TestDatabase, orthanc: RunningOrthanc, redisUrl: string | undefined) {
  return parseConfig({
    dataDir: config.dataDir,
    database: { url: config.database.url },
    queue: { ...(redisUrl && { redisUrl }), sweepMs: 500 },
    dicom: { port: 0 },
    http: { port: 0 },
    assemble: { studyQuietMs: 3_000 },
    route: {
      destinations: [{ name: 'pacs', aeTitle: orthanc.aet, host: '127.0.0.1', port: orthanc.dicomPort }],
    },
  });
}

async function send(folder: string, { dicomPort }: RunningService): Promise<void> {
  return sendFiles(dicomFilesIn(folder), { dicomPort });
}

async function sendFiles(files: readonly string[], { dicomPort }: Pick<RunningService, 'dicomPort'>) {
  const results = await storeFiles({
    host: '127.0.0.1',
    port: dicomPort!,
    calledAe: 'CALCIDISC',
    callingAe: 'TEST',
    files,
  });
  assert.ok(results.every(({ isStored }) => isStored));
}

async function untilDelivered(
  { database }: RunningService,
  truth: PhantomTruth,
  revision: number,
): Promise<CaseView> {
  const find = async () =>
    (await listCases(database.knex, { mrStudyInstanceUid: truth.mr.studyInstanceUid }))[0];
  const { id } = await until(
    async () => {
      const row = await find();
      assert.notEqual(row?.state, 'parked', row?.lastError ?? '');
      return row?.state === 'delivered' && row.revision === revision ? row : null;
    },
    60_000,
    find,
  );
  return (await readCaseView(database.knex, id))!;
}

/** A third of the way to the next disc would still be the right one; this is much nearer. */
const NEAR_MM = 6;

function assertNear({ level, centrePatientMm }: CaseView['regions'][number], truth: PhantomTruth): void {
  const known = truth.mr.discs[level].centrePatientMm;
  // In the slice: which of the slices near the middle it was found on is not the question here.
  const apart = Math.hypot(centrePatientMm[1] - known[1], centrePatientMm[2] - known[2]);
  assert.ok(apart < NEAR_MM, `${level} is ${apart.toFixed(1)} mm from where the phantom has it`);
}

async function fetchReport(orthanc: RunningOrthanc, sopInstanceUid: string): Promise<Buffer> {
  const found = await orthanc.post<{ ID: string }[]>('/tools/lookup', sopInstanceUid);
  assert.equal(found.length, 1, 'exactly one object under this UID');
  return orthanc.bytes(`/instances/${found[0]!.ID}/file`);
}
