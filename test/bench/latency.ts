/**
 * `npm run bench:latency -- [--rounds 5] [--early 2000] [--arrivals alone,together] [--stages] [--json]`
 *
 * From the last C-STORE response to the Structured Report in the PACS: a phantom MR alone, and with its CT of 196 slices sent long
 * before, just before or together with it, over one association each, everything
 * real (embedded PostgreSQL, localiser, CT reference, classifier, SR, C-STORE), Orthanc as the PACS where it is
 * installed. Seconds of this machine, not a comparison; below 5 s is asked for. A first report waits until nothing of
 * its study has come for assemble.studyEarlyMs, 2 s by default, or less once three studies have shown the sender's
 * habit: the rounds that are not counted show it; --early 1 leaves the work alone. --stages: when each step of the
 * trail was done, median of milliseconds since that response.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { storeFiles } from '../../agent/deliver/scu.js';
import { dicomFilesIn, openDemoPacs } from '../../cli/demo/pacs.js';
import { startService } from '../../cli/service.js';
import { parseConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { listAudit } from '../../db/tables/audit.js';
import { listCases } from '../../db/tables/cases.js';
import { findReport } from '../../db/tables/reports.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import { quantile } from '../../models/statistics/describe.js';
import { argumentsOf, wholeNumber, wrongUsage } from './arguments.js';

const { values: options } = argumentsOf(import.meta.url, {
  options: {
    rounds: { type: 'string', default: '5' },
    early: { type: 'string' },
    arrivals: { type: 'string', default: 'alone,long before,just before,together' },
    stages: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const rounds = wholeNumber('rounds', options.rounds);
const assemble = options.early === undefined ? {} : { studyEarlyMs: wholeNumber('early', options.early) };
const log = createLogger({ log: { level: 'error' } });
/** Seldom, while the answer is worked on by the same cores; the report is built some 70 ms before the PACS has it. */
const POLL_MS = 40;
const PACS_POLL_MS = 10;
const LIMIT_MS = 60_000;

const dir = await mkdtemp(join(tmpdir(), 'calcidisc-latency-'));
const pacs = await openDemoPacs(join(dir, 'pacs'), log);
const service = await startService(
  parseConfig({
    dataDir: join(dir, 'data'),
    log: { level: 'error' },
    dicom: { port: 0 },
    http: { port: 0 },
    assemble,
    route: { destinations: [{ name: 'pacs', aeTitle: pacs.aeTitle, host: '127.0.0.1', port: pacs.port }] },
  }),
  log,
  { agent: true, worker: true },
);
/** How the CT comes beside the MR. */
const ARRIVALS = ['alone', 'long before', 'just before', 'together'] as const;
type Arrival = (typeof ARRIVALS)[number];
const asked = options.arrivals.split(',').map((name) => {
  const known = ARRIVALS.find((arrival) => arrival === name);
  return known ?? wrongUsage(`--arrivals: ${name} is none of ${ARRIVALS.join(', ')}`);
});
/** Until a CT that was sent first has been dealt with, however slow the machine. */
const CT_HEAD_START_MS = 10_000;
/** So few have shown a sender's habit, and loaded the networks: their first answers are not counted. */
const WARM_UP = 3;

/** One study: seconds to the report, and when each step of the trail was done. */
interface Timed {
  readonly seconds: number;
  readonly steps: readonly { readonly step: string; readonly ms: number }[];
}

const timed = new Map<Arrival, Timed[]>(asked.map((arrival) => [arrival, []]));
let drawn = 0;
try {
  for (let k = 0; k < WARM_UP; k++) await once('together');
  for (let round = 1; round <= rounds; round++)
    for (const [arrival, times] of timed) {
      times.push(await once(arrival));
      console.error(`round ${round}, CT ${arrival}: ${times.at(-1)!.seconds.toFixed(2)} s`);
    }
} finally {
  await service.close();
  await pacs.close();
  await rm(dir, { recursive: true, force: true });
}
const results = [...timed].map(([arrival, times]) => ({
  arrival,
  rounds,
  medianSeconds: median(times.map(({ seconds }) => seconds)),
  maxSeconds: Math.max(...times.map(({ seconds }) => seconds)),
  ...(options.stages && { stages: stagesOf(times) }),
}));
if (options.json) console.log(JSON.stringify(results));
else
  for (const { arrival, medianSeconds, maxSeconds, stages } of results) {
    console.log(
      `last C-STORE response to SR in ${pacs.name}, CT ${arrival}: median ${medianSeconds.toFixed(2)} s, longest ${maxSeconds.toFixed(2)} s over ${rounds}`,
    );
    for (const [step, ms] of Object.entries(stages ?? {})) console.log(`  ${ms.toFixed(0)} ms ${step}`);
  }
process.exit(0);

function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((x, y) => x - y),
    0.5,
  );
}

/** Steps that every one of them went through, in the order of their medians. */
function stagesOf(times: readonly Timed[]): Record<string, number> {
  const names = new Set(times.flatMap(({ steps }) => steps.map(({ step }) => step)));
  const medians = [...names].flatMap((name): [string, number][] => {
    const of = times.flatMap(({ steps }) => steps.filter(({ step }) => step === name).slice(0, 1));
    return of.length === times.length ? [[name, median(of.map(({ ms }) => ms))]] : [];
  });
  return Object.fromEntries(medians.sort(([, a], [, b]) => a - b));
}

async function once(arrival: Arrival): Promise<Timed> {
  const seed = 100 + drawn++;
  const outDir = join(dir, `phantom-${seed}`);
  // A CT that is not sent is drawn as small as it may be.
  const ct = arrival === 'alone' ? { ct: { spacingMm: 3, sliceMm: 6 } } : {};
  const truth = await writePhantom({ outDir, seed, calcified: ['L4-L5'], ...ct });
  const port = service.dicomPort!;
  if (arrival === 'together')
    await Promise.all([send(join(outDir, 'ct'), port), send(join(outDir, 'mr'), port)]);
  else {
    if (arrival !== 'alone') await send(join(outDir, 'ct'), port);
    if (arrival === 'long before') await sleep(CT_HEAD_START_MS);
    await send(join(outDir, 'mr'), port);
  }
  const began = Date.now();
  while (Date.now() - began < LIMIT_MS) {
    const [row] = await listCases(service.database.knex, { mrStudyInstanceUid: truth.mr.studyInstanceUid });
    const report = row && (await findReport(service.database.knex, row.id, row.revision));
    if (report) {
      while (!(await pacs.findReport(report.sopInstanceUid))) {
        if (Date.now() - began > LIMIT_MS) throw new Error('the report was built and did not reach the PACS');
        await sleep(PACS_POLL_MS);
      }
      const seconds = (Date.now() - began) / 1000;
      return { seconds, steps: await stepsOf(row.id, truth.mr.seriesInstanceUid, began) };
    }
    if (row?.state === 'parked') throw new Error(`parked: ${row.lastErrorCode} ${row.lastError}`);
    await sleep(POLL_MS);
  }
  throw new Error(`no report within ${LIMIT_MS / 1000} s`);
}

async function stepsOf(caseId: string, seriesInstanceUid: string, began: number): Promise<Timed['steps']> {
  const { knex } = service.database;
  const events = [
    ...(await listAudit(knex, 'series', seriesInstanceUid)),
    ...(await listAudit(knex, 'case', caseId)),
  ];
  return events
    .toSorted((a, b) => a.seq - b.seq)
    .flatMap(({ event, detail, at }) => {
      const ms = at.getTime() - began;
      const step = [event, ...(typeof detail.to === 'string' ? [`to ${detail.to}`] : [])].join(' ');
      return typeof detail.milliseconds === 'number'
        ? [
            { step: '(of the next, in the network and about it)', ms: detail.milliseconds },
            { step, ms },
          ]
        : [{ step, ms }];
    });
}

/** Returns when the last response is in, the association released. */
async function send(folder: string, port: number): Promise<void> {
  const files = dicomFilesIn(folder);
  const results = await storeFiles({
    host: '127.0.0.1',
    port,
    calledAe: 'CALCIDISC',
    callingAe: 'BENCH',
    files,
  });
  const refused = results.find(({ error }) => error !== null);
  if (refused?.error) throw refused.error;
}
