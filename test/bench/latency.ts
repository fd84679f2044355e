/**
 * `npm run bench:latency -- [--rounds 5] [--json]`
 *
 * From the last C-STORE response to the Structured Report in the PACS: a phantom CT and then its MR over one
 * association each, everything real (embedded PostgreSQL, localiser, CT reference, classifier, SR, C-STORE), Orthanc
 * as the PACS where it is installed. Seconds of this machine, not a comparison; below 5 s is asked for.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { storeFiles } from '../../agent/deliver/scu.js';
import { type DemoPacs, dicomFilesIn, openDemoPacs } from '../../cli/demo/pacs.js';
import { type RunningService, startService } from '../../cli/service.js';
import { parseConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { listCases } from '../../db/tables/cases.js';
import { findReport } from '../../db/tables/reports.js';
import { writePhantom } from '../../models/phantom/phantom.js';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, json: { type: 'boolean', default: false } },
});
const rounds = Number(options.rounds);
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
    route: { destinations: [{ name: 'pacs', aeTitle: pacs.aeTitle, host: '127.0.0.1', port: pacs.port }] },
  }),
  log,
  { agent: true, worker: true },
);
const seconds: number[] = [];
try {
  // The first round loads the networks and is not counted.
  for (let round = 0; round <= rounds; round++) {
    const each = await once(service, pacs, round);
    if (round > 0) seconds.push(each);
    console.error(`round ${round}${round === 0 ? ' (warm-up)' : ''}: ${each.toFixed(2)} s`);
  }
} finally {
  await service.close();
  await pacs.close();
  await rm(dir, { recursive: true, force: true });
}
const sorted = seconds.toSorted((a, b) => a - b);
const result = { rounds, medianSeconds: sorted[Math.floor(sorted.length / 2)]!, maxSeconds: sorted.at(-1)! };
console.log(
  options.json
    ? JSON.stringify(result)
    : `last C-STORE response to SR in ${pacs.name}: median ${result.medianSeconds.toFixed(2)} s, longest ${result.maxSeconds.toFixed(2)} s over ${rounds}`,
);
process.exit(0);

async function once(running: RunningService, target: DemoPacs, round: number): Promise<number> {
  const outDir = join(dir, `phantom-${round}`);
  const truth = await writePhantom({ outDir, seed: 100 + round, calcified: ['L4-L5'] });
  await send(join(outDir, 'ct'), running.dicomPort!);
  await send(join(outDir, 'mr'), running.dicomPort!);
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
