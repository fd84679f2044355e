import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { dicomFilesIn } from '../../cli/demo/pacs.js';
import type { ConfigInput } from '../../config/schema.js';
import { verifyAudit } from '../../db/tables/audit.js';
import { type CaseRow, listCases } from '../../db/tables/cases.js';
import { readCaseView } from '../../db/views/caseView.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import { type CalcidiscProcess, startCalcidisc } from '../support/calcidiscProcess.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { freePort } from '../support/dcmtk.js';
import { type RunningOrthanc, startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';

const SECRET = 'a secret that every agent of this site knows';

/** Two agents on one database, each with a data folder of its own: what came to one is read by it, and shown to the other. */
describe('two agents with data folders of their own on one database', function () {
  this.timeout(600_000);
  let dir: string;
  let orthanc: RunningOrthanc;
  let test: TestDatabase;
  const running: Record<string, CalcidiscProcess> = {};
  const configs: Record<string, ConfigInput & { dataDir: string }> = {};

  before(async function () {
    needsPeer(this, 'orthanc');
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-hosts-'));
    orthanc = await startOrthanc();
    await writeFile(join(dir, 'secret'), SECRET);
    for (const name of ['a', 'b']) await mkdir(join(dir, name));
    test = await createTestDatabase();
    for (const name of ['a', 'b']) configs[name] = await configOf(name);
    running.worker = await startCalcidisc('worker', configs.a!);
    for (const name of ['a', 'b']) running[name] = await startCalcidisc('agent', configs[name]!);
  });
  after(async () => {
    for (const one of Object.values(running)) await one.kill();
    await test?.close();
    await orthanc?.stop();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  async function configOf(name: string): Promise<ConfigInput & { dataDir: string }> {
    const port = await freePort();
    return {
      dataDir: join(dir, name),
      database: { url: test.config.database.url },
      dicom: { port: 0 },
      http: { port: 0 },
      queue: { sweepMs: 500 },
      agents: { name, port, address: `http://127.0.0.1:${port}`, secretFile: join(dir, 'secret') },
      assemble: { studyQuietMs: 3_000 },
      retry: { firstMs: 500, maxMs: 2_000 },
      route: {
        destinations: [
          { name: 'pacs', aeTitle: orthanc.aet, host: '127.0.0.1', port: orthanc.dicomPort, forms: ['sr'] },
        ],
      },
    };
  }

  it('MR to the one and CT to the other: one answer of both', async () => {
    const truth = await writePhantom({
      outDir: join(dir, 'study'),
      seed: 41,
      calcified: ['L4-L5'],
      ct: { sliceMm: 2 },
    });
    await send('b', join(dir, 'study', 'ct'));
    await send('a', join(dir, 'study', 'mr'));
    const row = await delivered(truth.mr.studyInstanceUid);
    const view = (await readCaseView(test.database.knex, row.id))!;
    assert.equal(view.pairing?.ctSeriesInstanceUid, truth.ct.seriesInstanceUid);
    assert.equal(row.revision, 1);
    const failed = await test.database.knex('auditEvent').where({ event: 'STEP_FAILED' }).select('detail');
    assert.deepEqual(failed, [], 'no step looked for a file that another agent has');
    const readings = await test.database.knex('seriesReading').select('attempts', 'lastError');
    assert.deepEqual(
      readings.map(({ attempts }) => attempts),
      [1, 1],
    );
    assert.ok((await verifyAudit(test.database.knex)).ok);
  });

  async function send(name: string, folder: string): Promise<void> {
    const files = dicomFilesIn(folder);
    const results = await storeFiles({
      ...{ host: '127.0.0.1', port: running[name]!.dicomPort, calledAe: 'CALCIDISC', callingAe: 'MODALITY' },
      files,
    });
    assert.ok(results.every(({ isStored }) => isStored));
  }

  function delivered(mrStudyInstanceUid: string): Promise<CaseRow> {
    return until(async () => {
      const [row] = await listCases(test.database.knex, { mrStudyInstanceUid });
      return row?.state === 'delivered' ? row : null;
    }, 500_000);
  }
});
