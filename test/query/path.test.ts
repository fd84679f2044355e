import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { dicomFilesIn } from '../../cli/demo/pacs.js';
import { type RunningService, startService } from '../../cli/service.js';
import { parseConfig } from '../../config/load.js';
import { listCases } from '../../db/tables/cases.js';
import { listPriorFetches } from '../../db/tables/priorFetches.js';
import { type CaseView, readCaseView } from '../../db/views/caseView.js';
import { type PhantomTruth, writePhantom } from '../../models/phantom/phantom.js';
import { createTestDatabase, quietLog, type TestDatabase } from '../support/database.js';
import { freePort } from '../support/dcmtk.js';
import { type RunningOrthanc, startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';
import { activateTiny } from '../worker/models.js';
import { fixtureModels } from '../worker/regions.js';
import { sourceOf } from './site.js';

describe('query: an MR sent to us alone, its CT in the PACS', function () {
  this.timeout(180_000);
  let dir: string;
  let truth: PhantomTruth;
  let orthanc: RunningOrthanc;
  let test: TestDatabase;
  let service: RunningService;

  before(async function () {
    needsPeer(this, 'orthanc');
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-prior-'));
    truth = await writePhantom({ outDir: dir, seed: 11, calcified: ['L4-L5'], ct: { sliceMm: 3 } });
    const port = await freePort();
    orthanc = await startOrthanc({ modalities: { calcidisc: ['CALCIDISC', '127.0.0.1', port] } });
    for (const file of dicomFilesIn(join(dir, 'ct'))) await orthanc.post('/instances', await readFile(file));
    test = await createTestDatabase();
    const models = join(test.config.dataDir, 'models');
    await cp(join(fixtureModels, 'tiny-classifier'), join(models, 'tiny-classifier'), { recursive: true });
    await activateTiny(test.database, [models]);
    const config = parseConfig({
      dataDir: test.config.dataDir,
      database: { url: test.config.database.url! },
      queue: { sweepMs: 500 },
      dicom: { port },
      http: { port: 0 },
      route: { destinations: [sourceOf(orthanc)] },
      query: { sources: [sourceOf(orthanc)] },
    });
    service = await startService(config, quietLog, { agent: true, worker: true });
  });
  after(async () => {
    await service?.close();
    await test?.close();
    await orthanc?.stop();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  it('is measured against that CT, in one report', async () => {
    const peer = { host: '127.0.0.1', port: service.dicomPort!, calledAe: 'CALCIDISC', callingAe: 'MR1' };
    await storeFiles({ ...peer, files: dicomFilesIn(join(dir, 'mr')) });
    const view = await untilDelivered();
    assert.deepEqual(
      [view.pairing?.outcome, view.pairing?.ctSeriesInstanceUid, view.pairing?.intervalDays],
      ['paired', truth.ct.seriesInstanceUid, 10],
    );
    assert.deepEqual([view.case.revision, view.reports.length], [1, 1]);
    assert.equal(view.measurements.find(({ level }) => level === 'L4-L5')?.label, 'calcified');
    const [fetch] = await listPriorFetches(service.database.knex, truth.mr.seriesInstanceUid);
    const inPacs = await orthanc.rest<string[]>('/series');
    assert.deepEqual(
      [fetch?.state, fetch?.seriesMoved, inPacs.length],
      ['done', 1, 3],
      'CT, our report and its picture',
    );
  });

  function untilDelivered(): Promise<CaseView> {
    return until(async () => {
      const { knex } = service.database;
      const [row] = await listCases(knex, { mrStudyInstanceUid: truth.mr.studyInstanceUid });
      assert.notEqual(row?.state, 'parked', row?.lastError ?? '');
      return row?.state === 'delivered' && readCaseView(knex, row.id);
    }, 150_000);
  }
});
