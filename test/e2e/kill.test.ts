import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { dicomFilesIn } from '../../cli/demo/pacs.js';
import type { ConfigInput } from '../../config/schema.js';
import { verifyAudit } from '../../db/tables/audit.js';
import { type CaseRow, listCases } from '../../db/tables/cases.js';
import { listInferences } from '../../db/tables/inferences.js';
import { readCaseView } from '../../db/views/caseView.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import { drawSiteStudies } from '../field/siteStudies.js';
import { type CalcidiscProcess, startCalcidisc } from '../support/calcidiscProcess.js';
import { COARSE_CT, COARSE_MR } from '../support/coarse.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type HoldAt, hold } from '../support/holds.js';
import { type RunningOrthanc, startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { until } from '../support/until.js';

interface Moment {
  readonly name: string;
  readonly victim: 'agent' | 'worker';
  readonly at: HoldAt;
  /** Worth a try also with three MR series, of which one is to be read. */
  readonly isOfStudies?: boolean;
}

/** What is sent, and what must be read of it. */
interface Sent {
  /** SeriesDescription of the MR series; absent: there is only one. */
  readonly read?: string;
  send(port: number): Promise<void>;
}

const leaving = (state: string): HoldAt => ({
  table: 'case',
  on: 'UPDATE',
  when: `OLD.state = '${state}' AND NEW.state <> OLD.state`,
});

/** Each is the worst moment of its step: the work is done, and none of it is committed. */
const MOMENTS: readonly Moment[] = [
  {
    name: 'objects acknowledged, not yet indexed',
    victim: 'agent',
    at: { table: 'instance', on: 'INSERT', when: 'NEW.instance_number = 3' },
  },
  {
    name: 'the series complete, its case not yet made',
    victim: 'agent',
    at: { table: 'series', on: 'UPDATE', when: "OLD.state = 'receiving' AND NEW.state = 'complete'" },
  },
  {
    name: 'the MR read, not written',
    victim: 'agent',
    isOfStudies: true,
    at: { table: 'series_reading', on: 'UPDATE', when: "NEW.state = 'done' AND NEW.modality = 'MR'" },
  },
  { name: 'received: paired, not written', victim: 'agent', at: leaving('received'), isOfStudies: true },
  { name: 'paired: discs located, not written', victim: 'agent', at: leaving('paired') },
  {
    name: 'located: discs classified, not written',
    victim: 'worker',
    at: leaving('located'),
    isOfStudies: true,
  },
  { name: 'classified: report built, not written', victim: 'agent', at: leaving('classified') },
  {
    name: 'reported: the PACS has the report, its Success not written',
    victim: 'agent',
    isOfStudies: true,
    at: { table: 'delivery', on: 'UPDATE', when: "NEW.state = 'stored'" },
  },
  { name: 'reported: delivered to all, the case not moved', victim: 'agent', at: leaving('reported') },
];

describe('kill -9 at each state of a case', function () {
  this.timeout(120_000);
  let orthanc: RunningOrthanc;
  let phantomDir: string;
  let pair: Sent;
  let repeat: Sent;

  before(async function () {
    needsPeer(this, 'orthanc');
    orthanc = await startOrthanc();
    phantomDir = await mkdtemp(join(tmpdir(), 'calcidisc-kill-'));
    pair = await pairIn(join(phantomDir, 'pair'));
    repeat = await repeatIn(join(phantomDir, 'repeat'));
  });
  after(async () => {
    await orthanc?.stop();
    if (phantomDir) await rm(phantomDir, { recursive: true, force: true });
  });

  for (const moment of MOMENTS)
    it(`${moment.name}: one report, once the ${moment.victim} is back`, () => killedAt(moment, pair));

  for (const moment of MOMENTS.filter(({ isOfStudies }) => isOfStudies))
    it(`${moment.name}, of three MR series: one report, of the right one`, () => killedAt(moment, repeat));

  async function killedAt(moment: Moment, sent: Sent): Promise<void> {
    const test = await createTestDatabase();
    const running: Partial<Record<'agent' | 'worker', CalcidiscProcess>> = {};
    try {
      const config = configFor(test, orthanc);
      const held = await hold(test.database, moment.at);
      running.worker = await startCalcidisc('worker', config);
      running.agent = await startCalcidisc('agent', config);
      const before = await countReports(orthanc);

      await sent.send(running.agent.dicomPort);
      await held.reached();
      await running[moment.victim]!.kill();
      await held.lift();
      running[moment.victim] = await startCalcidisc(moment.victim, config);

      const row = await untilDelivered(test);
      const { mrSeries } = (await readCaseView(test.database.knex, row.id))!;
      assert.equal(mrSeries.seriesDescription, sent.read ?? mrSeries.seriesDescription);
      assert.equal(row.revision, 1, 'a restart is no new revision');
      assert.equal((await countReports(orthanc)) - before, 1, 'exactly one report in the PACS');
      const levels = (await listInferences(test.database.knex, row.id, 1)).map(({ level }) => level);
      assert.equal(new Set(levels).size, levels.length, 'no disc classified twice');
      assert.ok(levels.length > 0, 'discs were classified');
      assert.ok((await verifyAudit(test.database.knex)).ok, 'the audit chain is whole');
      await removeReports(orthanc);
    } finally {
      for (const one of Object.values(running)) await one.kill();
      await test.close();
    }
  }
});

function configFor({ config }: TestDatabase, orthanc: RunningOrthanc): ConfigInput & { dataDir: string } {
  return {
    dataDir: config.dataDir,
    database: { url: config.database.url },
    dicom: { port: 0 },
    http: { port: 0 },
    queue: { sweepMs: 500 },
    // A killed agent's association is lost, not released: then the quiet period decides.
    assemble: { quietPeriodMs: 1_500, studyQuietMs: 2_000 },
    retry: { firstMs: 200 },
    worker: { lanes: 1 },
    route: {
      destinations: [{ name: 'pacs', aeTitle: orthanc.aet, host: '127.0.0.1', port: orthanc.dicomPort }],
    },
  };
}

/** CT first, so that the MR finds it: one revision, and so one report, is what must come out. */
async function pairIn(outDir: string): Promise<Sent> {
  await writePhantom({ outDir, seed: 11, calcified: ['L4-L5'], mr: COARSE_MR, ct: COARSE_CT });
  const files = ['ct', 'mr'].flatMap((modality) => dicomFilesIn(join(outDir, modality)));
  return { send: (port) => store(files, port) };
}

/** A T2 spoilt by motion, its repeat, and a fat-suppressed one. */
async function repeatIn(outDir: string): Promise<Sent> {
  const [study] = await drawSiteStudies(outDir, ['repeat']);
  const files = study!.sendings.flatMap((sending) => sending.files);
  return { read: study!.expected.read, send: (port) => store(files, port) };
}

async function store(files: readonly (string | Buffer)[], port: number): Promise<void> {
  const peer = { host: '127.0.0.1', port, calledAe: 'CALCIDISC', callingAe: 'KILLTEST' };
  const refused = (await storeFiles({ ...peer, files })).filter(({ isStored }) => !isStored);
  assert.deepEqual(refused, []);
}

async function untilDelivered({ database }: TestDatabase): Promise<CaseRow> {
  const find = async () => (await listCases(database.knex, {}))[0];
  return until(
    async () => {
      const row = await find();
      assert.notEqual(row?.state, 'parked', row?.lastError ?? '');
      return row?.state === 'delivered' ? row : null;
    },
    60_000,
    find,
  );
}

interface OrthancSeries {
  readonly ID: string;
  readonly MainDicomTags: { readonly Modality?: string };
  readonly Instances: readonly string[];
}

async function reportSeries(orthanc: RunningOrthanc): Promise<OrthancSeries[]> {
  const all = await orthanc.rest<OrthancSeries[]>('/series?expand');
  return all.filter(({ MainDicomTags }) => MainDicomTags.Modality === 'SR');
}

async function countReports(orthanc: RunningOrthanc): Promise<number> {
  return (await reportSeries(orthanc)).reduce((sum, { Instances }) => sum + Instances.length, 0);
}

async function removeReports(orthanc: RunningOrthanc): Promise<void> {
  for (const { ID } of await reportSeries(orthanc))
    await fetch(`http://127.0.0.1:${orthanc.httpPort}/series/${ID}`, { method: 'DELETE' });
}
