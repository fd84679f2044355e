import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { createAccount } from '../../agent/access/accounts.js';
import { makeLink } from '../../agent/access/links.js';
import { storeFiles } from '../../agent/deliver/scu.js';
import type { Level } from '../../agent/domain/levels.js';
import { readReport, renderReport } from '../../agent/report/tree.js';
import { parseConfig } from '../../config/load.js';
import { createLogger, type Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import { findReport } from '../../db/tables/reports.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import { commandActor } from '../actor.js';
import { followCase } from '../demo/follow.js';
import { type DemoPacs, dicomFilesIn, openDemoPacs } from '../demo/pacs.js';
import { flagTable } from '../demo/table.js';
import { EXIT } from '../exitCodes.js';
import { onInterrupt } from '../interrupt.js';
import { type RunningService, startService, untilStopped } from '../service.js';

interface DemoOptions {
  readonly once?: boolean;
  readonly seed: string;
  readonly httpPort: string;
  readonly logLevel: Config['log']['level'];
}

const CALCIFIED: readonly Level[] = ['L4-L5', 'L5-S1'];

export function register(program: Command): void {
  program
    .command('demo')
    .description(
      'starts everything, sends a phantom MR and CT over DICOM to itself, shows flags, report and page',
    )
    .option('--once', 'end with exit code 0 when the report is in the PACS')
    .option('--seed <n>', 'which phantom', '7')
    .option('--http-port <port>', 'port of the page (0: any free one)', '0')
    .addOption(
      new Option('--log-level <level>', 'how much of the log to show')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('error'),
    )
    .addHelpText('after', '\nEverything it makes lies in a temporary folder and goes with it.')
    .action((options: DemoOptions) => demo(options));
}

async function demo(options: DemoOptions): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'calcidisc-demo-'));
  const log = createLogger({ log: { level: options.logLevel } });
  const closing: (() => Promise<void>)[] = [];
  const stopped = untilStopped();
  const end = async () => {
    for (const close of closing.splice(0).reverse())
      await close().catch((error: unknown) => logClosing(log, error));
    rmSync(dir, { recursive: true, force: true });
  };
  const taken = onInterrupt(end);
  try {
    const pacs = await openDemoPacs(join(dir, 'pacs'), log);
    closing.push(() => pacs.close());
    say(`PACS: ${pacs.name}, ${pacs.aeTitle} on port ${pacs.port}`);
    const service = await startService(demoConfig(dir, pacs, options), log, { agent: true, worker: true });
    closing.push(() => service.close());
    say(`Calcidisc: DICOM on port ${service.dicomPort}, embedded PostgreSQL under ${dir}`);
    const walk = walkThePath(dir, { pacs, service, seed: Number(options.seed) });
    // Its own end is Ctrl-C; before that it is an interruption like any other.
    if (await Promise.race([walk.then(() => false), stopped.then(() => true)])) {
      console.error('calcidisc: interrupted');
      process.exitCode = EXIT.interrupted;
      return;
    }
    say(`Worklist: ${await viewersLink(service)}${pacs.page ? `   PACS: ${pacs.page}` : ''}`);
    say('(this address logs one browser in, once, as the viewer "demo")');
    if (options.once) return;
    say('Ctrl-C ends it.');
    await stopped;
  } finally {
    await end();
    taken();
  }
}

/** Whoever started the demo is let in without choosing a password. */
async function viewersLink({ database: { knex }, httpPort }: RunningService): Promise<string> {
  const actor = commandActor();
  const account = await createAccount(knex, { name: 'demo', role: 'viewer', actor, passwordHash: null });
  const { path } = await makeLink(knex, { purpose: 'log-in', account, actor });
  return `http://127.0.0.1:${httpPort}${path}`;
}

interface Stage {
  readonly pacs: DemoPacs;
  readonly service: RunningService;
  readonly seed: number;
}

async function walkThePath(dir: string, { pacs, service, seed }: Stage): Promise<void> {
  const outDir = join(dir, 'phantom');
  say(`Drawing an invented spine (seed ${seed}) with calcified ${CALCIFIED.join(' and ')} as MR and CT …`);
  const truth = await writePhantom({ outDir, seed, calcified: [...CALCIFIED] });
  // The CT first, as an archive would have it: the MR finds it there, and one report tells it all.
  for (const modality of ['ct', 'mr'] as const) {
    const files = dicomFilesIn(join(outDir, modality));
    await send(files, service.dicomPort!);
    say(`Sent ${files.length} ${modality.toUpperCase()} images by C-STORE`);
  }
  const row = await followCase(service.database, truth.mr.studyInstanceUid, (line, ms) =>
    say(`  ${(ms / 1000).toFixed(2).padStart(6)} s  ${line}`),
  );
  console.log(`\n${await flagTable(service.database, row, new Set(CALCIFIED))}\n`);
  const report = (await findReport(service.database.knex, row.id, row.revision))!;
  const file = await pacs.findReport(report.sopInstanceUid);
  if (!file) throw new Error(`the PACS does not have the report ${report.sopInstanceUid}`);
  console.log(`${renderReport(readReport(file))}\n`);
  say(`This report is in ${pacs.name} as ${report.sopInstanceUid}`);
  say('Research software, not a medical device: the classifier learnt from simulated calcification.');
}

async function send(files: readonly string[], port: number): Promise<void> {
  const results = await storeFiles({
    host: '127.0.0.1',
    port,
    calledAe: 'CALCIDISC',
    callingAe: 'DEMO',
    files,
  });
  const refused = results.find(({ error }) => error !== null);
  if (refused?.error) throw refused.error;
}

function demoConfig(dir: string, pacs: DemoPacs, { httpPort, logLevel }: DemoOptions): Config {
  return parseConfig({
    dataDir: join(dir, 'data'),
    log: { level: logLevel },
    dicom: { port: 0 },
    http: { port: Number(httpPort) },
    route: { destinations: [{ name: 'pacs', aeTitle: pacs.aeTitle, host: '127.0.0.1', port: pacs.port }] },
  });
}

function say(line: string): void {
  console.log(line);
}

function logClosing(log: Logger, error: unknown): void {
  log.error({ err: error }, 'closing down');
}
