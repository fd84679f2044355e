/**
 * `npm run bench:latency -- [--rounds 5] [--early 2000] [--json]`
 *
 * From the last C-STORE response to the Structured Report in the PACS: a phantom MR and its CT, the CT sent long
 * before, just before or together with the MR, over one association each, everything
 * real (embedded PostgreSQL, localiser, CT reference, classifier, SR, C-STORE), Orthanc as the PACS where it is
 * installed. Seconds of this machine, not a comparison; below 5 s is asked for. A first report waits until nothing of
 * its study has come for assemble.studyEarlyMs, 2 s by default: --early 1 leaves the work alone.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { type DemoPacs, dicomFilesIn, openDemoPacs } from '../../cli/demo/pacs.js';
import { type RunningService, startService } from '../../cli/service.js';
import { parseConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { listCases } from '../../db/tables/cases.js';
import { findReport } from '../../db/tables/reports.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import { argumentsOf, wholeNumber } from './arguments.js';

const { values: options } = argumentsOf(import.meta.url, {
  options: {
    rounds: { type: 'string', default: '5' },
    early: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const rounds = wholeNumber('rounds', options.rounds);
const assemble = options.early === undefined ? {} : { studyEarlyMs: wholeNumber('early', options.early) };
const log = createLogger({ log: { level: 'error' } });
const POLL_MS = 10;
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
const ARRIVALS = ['long before', 'just before', 'together'] as const;
type Arrival = (typeof ARRIVALS)[number];
/** Until a CT that was sent first has been dealt with, however slow the machine. */
const CT_HEAD_START_MS = 10_000;

const seconds: Record<Arrival, number[]> = {
  'long before': [],
  'just before': [],
  together: [],
};
try {
  // The first round loads the networks and is not counted.
  for (let round = 0; round <= rounds; round++)
    for (const [i, arrival] of ARRIVALS.entries()) {
      const each = await once(service, pacs, 3 * round + i, arrival);
      if (round > 0) seconds[arrival].push(each);
      console.error(`round ${round}${round === 0 ? ' (warm-up)' : ''}, CT ${arrival}: ${each.toFixed(2)} s`);
    }
} finally {
  await service.close();
  await pacs.close();
  await rm(dir, { recursive: true, force: true });
}
const results = ARRIVALS.map((arrival) => {
  const sorted = seconds[arrival].toSorted((x, y) => x - y);
  return {
    arrival,
    rounds,
    medianSeconds: sorted[Math.floor(sorted.length / 2)]!,
    maxSeconds: sorted.at(-1)!,
  };
});
for (const { arrival, medianSeconds, maxSeconds } of options.json ? [] : results)
  console.log(
    `last C-STORE response to SR in ${pacs.name}, CT ${arrival}: median ${medianSeconds.toFixed(2)} s, longest ${maxSeconds.toFixed(2)} s over ${rounds}`,
  );
if (options.json) console.log(JSON.stringify(results));
process.exit(0);

async function once(
  running: RunningService,
  target: DemoPacs,
  round: number,
  arrival: Arrival,
): Promise<number> {
  const outDir = join(dir, `phantom-${round}`);
  const truth = await writePhantom({ outDir, seed: 100 + round, calcified: ['L4-L5'] });
  const port = running.dicomPort!;
  if (arrival === 'together')
    await Promise.all([send(join(outDir, 'ct'), port), send(join(outDir, 'mr'), port)]);
  else {
    await send(join(outDir, 'ct'), port);
    if (arrival === 'long before') await new Promise((resolve) => setTimeout(resolve, CT_HEAD_START_MS));
    await send(join(outDir, 'mr'), port);
  }
  const begin = performance.now();
  while (performance.now() - begin < LIMIT_MS) {
    const [row] = await listCases(running.database.knex, { mrStudyInstanceUid: truth.mr.studyInstanceUid });
    const report = row && (await findReport(running.database.knex, row.id, row.revision));
    if (report && (await target.findReport(report.sopInstanceUid))) return (performance.now() - begin) / 1000;
    if (row?.state === 'parked') throw new Error(`parked: ${row.lastErrorCode} ${row.lastError}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`no report within ${LIMIT_MS / 1000} s`);
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
