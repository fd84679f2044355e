import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { dicomFilesIn } from '../../cli/demo/pacs.js';
import type { ConfigInput } from '../../config/schema.js';
import { verifyAudit } from '../../db/tables/audit.js';
import { type CaseRow, listCases } from '../../db/tables/cases.js';
import { listAwayStores } from '../../db/views/awayStores.js';
import { readCaseView } from '../../db/views/caseView.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import { type CalcidiscProcess, startCalcidisc } from '../support/calcidiscProcess.js';
import { UNUSED_CT } from '../support/coarse.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { freePort } from '../support/dcmtk.js';
import { hold } from '../support/holds.js';
import { type RunningOrthanc, startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';

const SECRET = 'a secret that every agent of this site knows';

/** Two agents on one database, each with a data folder of its own: what came to one is read by it, and shown to the other. */
describe('two agents with data folders of their own on one database', function () {
  this.timeout(600_000);
  let dir: string;
  let orthanc: RunningOrthanc;
  /** Where b listens: the PACS sends there what it is asked for. */
  let movePort: number;
  let test: TestDatabase;
  const running: Record<string, CalcidiscProcess> = {};
  const configs: Record<string, ConfigInput & { dataDir: string }> = {};

  before(async function () {
    needsPeer(this, 'orthanc');
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-hosts-'));
    movePort = await freePort();
    orthanc = await startOrthanc({ modalities: { b: ['CALCIDISC', '127.0.0.1', movePort] } });
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
    const pacs = { name: 'pacs', aeTitle: orthanc.aet, host: '127.0.0.1', port: orthanc.dicomPort };
    return {
      dataDir: join(dir, name),
      database: { url: test.config.database.url },
      dicom: { port: name === 'b' ? movePort : 0 },
      http: { port: 0 },
      queue: { sweepMs: 500 },
      agents: {
        name,
        port,
        address: `http://127.0.0.1:${port}`,
        secretFile: join(dir, 'secret'),
        awayAfterMs: 6_000,
      },
      assemble: { studyQuietMs: 3_000 },
      ...(name === 'b' ? { query: { sources: [pacs], priors: { enabled: false } } } : {}),
      retry: { firstMs: 500, maxMs: 2_000 },
      route: {
        destinations: [{ ...pacs, forms: ['sr'] }],
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
    assert.deepEqual(await failures(), [], 'no step looked for a file that another agent has');
    const readings = await test.database.knex('seriesReading').select('attempts', 'lastError');
    assert.deepEqual(
      readings.map(({ attempts }) => attempts),
      [1, 1],
    );
    assert.ok((await verifyAudit(test.database.knex)).ok);
  });

  it('half of a series to each (a load balancer): whoever reads it fetches the rest, and one answer', async () => {
    const truth = await writePhantom({
      outDir: join(dir, 'halves'),
      seed: 42,
      calcified: ['L4-L5'],
      ct: UNUSED_CT,
    });
    const files = dicomFilesIn(join(dir, 'halves', 'mr'));
    await Promise.all([
      sendFiles(
        'a',
        files.filter((_, i) => i % 2 === 0),
      ),
      sendFiles(
        'b',
        files.filter((_, i) => i % 2 === 1),
      ),
    ]);
    const row = await delivered(truth.mr.studyInstanceUid);
    assert.equal((await readCaseView(test.database.knex, row.id))!.regions.length, 5);
    assert.deepEqual(await failures(), []);
  });

  it('a holder that is gone is named; its case is taken up from the PACS, none lost and none twice', async () => {
    const truth = await writePhantom({
      outDir: join(dir, 'gone'),
      seed: 43,
      calcified: ['L5-S1'],
      ct: UNUSED_CT,
    });
    const folder = join(dir, 'gone', 'mr');
    const files = dicomFilesIn(folder);
    await storeFiles({
      host: '127.0.0.1',
      port: orthanc.dicomPort,
      calledAe: orthanc.aet,
      callingAe: 'MR',
      files,
    });
    const held = await hold(test.database, {
      table: 'series_reading',
      on: 'UPDATE',
      when: "NEW.state = 'done'",
    });
    await send('a', folder);
    await held.reached();
    await running.a!.kill();
    await held.lift();
    const { knex } = test.database;
    await until(async () => {
      const [row] = await listCases(knex, { mrStudyInstanceUid: truth.mr.studyInstanceUid });
      return row?.waitingFor?.includes('lies with the agent a, which is away');
    }, 200_000);
    assert.deepEqual(
      (await listAwayStores(knex)).map(({ name, series }) => [name, series]),
      [['a', 1]],
    );
    const row = await delivered(truth.mr.studyInstanceUid);
    running.a = await startCalcidisc('agent', configs.a!);
    assert.equal(row.revision, 1);
    const asked = await knex('auditEvent').where({ event: 'SERIES_ASKED_AGAIN' }).pluck('detail');
    assert.deepEqual(
      asked.map(({ source, completed }) => [source, completed]),
      [['pacs', files.length]],
    );
    const reports = await knex('report').where({ caseId: row.id });
    assert.equal(reports.length, 1);
    assert.ok((await verifyAudit(knex)).ok);
  });

  it('with a folder that both see: a holder that is gone is waited for by nobody, and no PACS is asked', async () => {
    for (const name of ['a', 'b']) {
      await running[name]!.kill();
      const { secretFile: _, address: __, ...own } = configs[name]!.agents!;
      configs[name] = { ...configs[name]!, agents: { ...own, sharedFolder: dir } };
      running[name] = await startCalcidisc('agent', configs[name]!);
    }
    const truth = await writePhantom({ outDir: join(dir, 'shared'), seed: 44, calcified: ['L4-L5'] });
    const held = await hold(test.database, {
      table: 'series_reading',
      on: 'UPDATE',
      when: "NEW.state = 'done'",
    });
    const { knex } = test.database;
    const asked = () => knex('auditEvent').where({ event: 'SERIES_ASKED_AGAIN' }).pluck('seq');
    const before = await asked();
    await send('a', join(dir, 'shared', 'mr'));
    await held.reached();
    await running.a!.kill();
    await held.lift();
    const row = await delivered(truth.mr.studyInstanceUid);
    assert.equal(row.revision, 1);
    assert.deepEqual(await asked(), before);
    assert.equal((await knex('report').where({ caseId: row.id })).length, 1);
  });

  function failures(): Promise<unknown[]> {
    return test.database.knex('auditEvent').where({ event: 'STEP_FAILED' }).select('detail');
  }

  function send(name: string, folder: string): Promise<void> {
    return sendFiles(name, dicomFilesIn(folder));
  }

  async function sendFiles(name: string, files: readonly string[]): Promise<void> {
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
