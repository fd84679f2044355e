/**
 * `npm run bench:burst -- [--studies 60] [--senders 4] [--stages] [--json]`
 *
 * A burst of lumbar MR studies, one in four with its CT, from several senders at once, until the report of each, its SR,
 * is in the PACS; everything real. Seconds from the first C-STORE on, of this machine: when the first report is there, the
 * median, the 95th percentile, and how many studies an hour that makes. `firstOfAll` and `medianOfAll` are shares of
 * the whole: a case that waits for all the others at every stage makes both 1.
 * `cpuSecondsPerStudy`: processor time of agent, worker and senders (one process here, the senders a thread of it) and of PostgreSQL, the figure that
 * says something on a machine that has other work; what a study adds to database and spool; --stages adds what each stage took.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { openDemoPacs } from '../../cli/demo/pacs.js';
import { startService } from '../../cli/service.js';
import { parseConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { quantile } from '../../models/statistics/describe.js';
import { drawSiteStudies, type Sending } from '../field/siteStudies.js';
import { argumentsOf, wholeNumber } from './arguments.js';
import type { BurstTask } from './burstSenders.js';
import { cpuSeconds } from './cpuSeconds.js';
import { stageMeans } from './stages.js';

const { values: options } = argumentsOf(import.meta.url, {
  options: {
    studies: { type: 'string', default: '60' },
    senders: { type: 'string', default: '4' },
    stages: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const studies = wholeNumber('studies', options.studies);
/** One in so many has a CT. */
const WITH_CT = 4;
const LIMIT_MS = 900_000;
const POLL_MS = 50;

const log = createLogger({ log: { level: 'error' } });
const dir = await mkdtemp(join(tmpdir(), 'calcidisc-burst-'));
const pacs = await openDemoPacs(join(dir, 'pacs'), log);
const service = await startService(
  parseConfig({
    dataDir: join(dir, 'data'),
    log: { level: 'error' },
    dicom: { port: 0, maxAssociations: 64 },
    http: { port: 0 },
    route: { destinations: [{ name: 'pacs', aeTitle: pacs.aeTitle, host: '127.0.0.1', port: pacs.port }] },
  }),
  log,
  { agent: true, worker: true },
);
const { knex } = service.database;
try {
  const [drawn] = await drawSiteStudies(join(dir, 'phantom'), ['scout']);
  const [mr, ct] = [sendingOf('MR1'), sendingOf('CT1')];
  await burst([mr], [0]);
  const warmUp: readonly string[] = await knex('case').pluck('id');
  const dataDir = join(dir, 'data');
  const cpuBefore = cpuSeconds(dataDir);
  const sizeBefore = await sizes();
  const begun = performance.now();
  const sending = burst(
    [ct, mr],
    Array.from({ length: studies }, (_, i) => i + 1),
  );
  const seconds = await delivered(begun, studies, warmUp);
  await sending;
  const cpu = cpuSeconds(dataDir);
  const sizeAfter = await sizes();
  const perStudy = (after: number, before: number) => Number(((after - before) / studies).toFixed(2));
  const sorted = seconds.toSorted((a, b) => a - b);
  const at = (q: number) => Number(quantile(sorted, q).toFixed(1));
  const [first, last] = [at(0), at(1)];
  const told = {
    studies,
    studiesPerHour: Math.round((3_600 * studies) / last),
    firstSeconds: first,
    p50Seconds: at(0.5),
    p95Seconds: at(0.95),
    lastSeconds: last,
    firstOfAll: Number((first / last).toFixed(2)),
    medianOfAll: Number((at(0.5) / last).toFixed(2)),
    cpuSecondsPerStudy: perStudy(cpu.own, cpuBefore.own),
    databaseKiBPerStudy: Math.round((sizeAfter.database - sizeBefore.database) / studies / 1_024),
    spoolKiBPerStudy: Math.round((sizeAfter.spool - sizeBefore.spool) / studies / 1_024),
    auditEventsPerStudy: perStudy(sizeAfter.audit, sizeBefore.audit),
    postgresCpuSecondsPerStudy: perStudy(cpu.postgres, cpuBefore.postgres),
  };
  if (!options.json)
    console.log(
      `${studies} studies, one in ${WITH_CT} with a CT: the first report after ${first} s, half of them after ` +
        `${told.p50Seconds} s, all after ${last} s: ${told.studiesPerHour} studies an hour`,
    );
  if (options.stages)
    for (const { stage, count, meanSeconds } of await stageMeans())
      console.error(`${stage}: ${meanSeconds} s (mean of ${count})`);
  console.log(JSON.stringify(told));

  function sendingOf(ae: string): Sending {
    return drawn!.sendings.find(({ callingAe }) => callingAe === ae)!;
  }
} finally {
  await service.close();
  await pacs.close();
  await rm(dir, { recursive: true, force: true });
}

/** Bytes of the database as PostgreSQL counts it and of the images' files; events on the trail. */
async function sizes(): Promise<{
  readonly database: number;
  readonly spool: number;
  readonly audit: number;
}> {
  const { rows } = await knex.raw(
    `SELECT pg_database_size(current_database())::float8 AS database,
            (SELECT coalesce(sum(size_bytes), 0)::float8 FROM instance) AS spool,
            (SELECT count(*)::int FROM audit_event) AS audit`,
  );
  return rows[0];
}

/** Each study by one sender, the CT before its MR; several senders side by side, in a thread of their own. */
async function burst(sendings: BurstTask['sendings'], runs: readonly number[]): Promise<void> {
  const senders = wholeNumber('senders', options.senders);
  const workerData: BurstTask = { sendings, runs, senders, withCt: WITH_CT, port: service.dicomPort! };
  const thread = new Worker(new URL('./burstSenders.js', import.meta.url), { workerData });
  const [code] = await once(thread, 'exit');
  if (code !== 0) throw new Error('the senders ended before all was sent');
  if (runs.length === 1) await delivered(performance.now(), 1, []);
}

/** Seconds after `begun` at which the PACS had each study's first report, its SR. */
async function delivered(begun: number, count: number, before: readonly string[]): Promise<number[]> {
  const seen = new Map<string, number>();
  for (const end = performance.now() + LIMIT_MS; performance.now() < end; ) {
    const built: { caseId: string; sopInstanceUid: string }[] = await knex('report')
      .whereNotIn('caseId', [...before, ...seen.keys()])
      .select('caseId', 'sopInstanceUid');
    for (const { caseId, sopInstanceUid } of built)
      if (await pacs.findReport(sopInstanceUid)) seen.set(caseId, (performance.now() - begun) / 1_000);
    if (seen.size >= count) return [...seen.values()];
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`${seen.size} of ${count} reports after ${LIMIT_MS / 1_000} s`);
}
