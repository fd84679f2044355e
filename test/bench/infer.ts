/**
 * `npm run bench:infer -- [--json] [--seconds 15] [--rounds 3] [--batch 16] [--threads CORES] [--model NAME]... [--models FOLDER]`
 *
 * How much of bare onnxruntime-node's speed is left when regions come through queue and database, for the newest version
 * of every classifier in models/. The bare
 * loop runs ready tensors in the same batches with as many threads, in one session (the worker has lanes, cores.ts); the worker fetches jobs and PNGs, checks hashes, decodes,
 * normalises, classifies, and writes answers, states and audit events to a durable PostgreSQL. Both in this process,
 * by turns, so that whatever else the machine does meets both; `--seconds` is about how long one turn takes, and that
 * long because a run has a beginning and an end, where not every lane is busy. REDIS_URL moves the queue.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { usableCores } from '../../config/cores.js';
import { loadConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { projectRoot } from '../../config/root.js';
import { type Database, openDatabase } from '../../db/server/database.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { openQueues, type Queues } from '../../db/work/queue.js';
import { parseReference } from '../../models/catalogue/card.js';
import { findModelFile, findModelFiles, type ModelFile } from '../../models/catalogue/modelFiles.js';
import { commandModel, register } from '../../models/catalogue/registry.js';
import { startWorker } from '../../worker/main.js';
import { RUNTIME } from '../../worker/session.js';
import { createNormaliser, type Normalisation } from '../../worker/tensor.js';
import { insertLocatedCase, regionsOf } from '../worker/locatedCases.js';
import { greyRegion, pngOf } from '../worker/regions.js';
import { argumentsOf, wholeNumber } from './arguments.js';

const REGIONS_PER_CASE = 5;
const { values: options } = argumentsOf(import.meta.url, {
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '15' },
    rounds: { type: 'string', default: '3' },
    batch: { type: 'string', default: '16' },
    threads: { type: 'string', default: String(usableCores()) },
    model: { type: 'string', multiple: true },
    models: { type: 'string', default: join(projectRoot, 'models') },
  },
});
const seconds = wholeNumber('seconds', options.seconds);
const rounds = wholeNumber('rounds', options.rounds);
const batchSize = wholeNumber('batch', options.batch);
const threads = wholeNumber('threads', options.threads);
const folders = [options.models];

interface Outcome {
  readonly model: string;
  readonly casesPerRound: number;
  /** Median over the rounds of worker discs/s by bare discs/s. */
  readonly ratio: number;
  readonly ratios: readonly number[];
  readonly bareDiscsPerSecond: number;
  readonly workerDiscsPerSecond: number;
  /** Processor time of this process, PostgreSQL's not counted: tells overhead from a busy machine. */
  readonly bareCpuMsPerDisc: number;
  readonly workerCpuMsPerDisc: number;
  /** Longest time the thread that runs the worker's loop could not answer. */
  readonly maxLagMs: number;
}

const dataDir = await mkdtemp(join(tmpdir(), 'calcidisc-bench-'));
const { REDIS_URL } = process.env;
const base = loadConfig({ CALCIDISC_DATA: dataDir, ...(REDIS_URL && { REDIS_URL }) });
const config = {
  ...base,
  // Or the sweep would begin with the cases before the clock does.
  queue: { ...base.queue, sweepMs: 3_600_000 },
  worker: { ...base.worker, provider: 'cpu' as const, batchSize, threads },
};
const log = createLogger({ log: { level: 'error' } });
const database = await openDatabase(config, log);
try {
  const queues = await openQueues(config, database, log);
  const outcomes: Outcome[] = [];
  for (const model of await chosenModels()) outcomes.push(await benchModel(model, database, queues));
  await queues.close();
  report(outcomes);
} finally {
  await database.close();
  await rm(dataDir, { recursive: true, force: true });
}

async function chosenModels(): Promise<readonly ModelFile[]> {
  if (options.model)
    return Promise.all(options.model.map((text) => findModelFile(folders, parseReference(text))));
  const { models } = await findModelFiles(folders);
  const newest = new Map(
    models.filter(({ card }) => card.kind === 'classifier').map((m) => [m.card.name, m]),
  );
  // ResNet-34 first: its ratio is the one that counts.
  return [...newest.values()].sort(
    (a, b) => Number(b.card.name === 'resnet34') - Number(a.card.name === 'resnet34'),
  );
}

async function benchModel(file: ModelFile, database: Database, queues: Queues): Promise<Outcome> {
  const named = `${file.card.name}@${file.card.version}`;
  await register(database.knex, file);
  await commandModel(database.knex, folders, {
    reference: parseReference(named),
    to: 'active',
    actor: 'user:bench',
  });
  const bare = await openBare(file);
  const worker = await startWorker({ config, database, queues, log, folders });
  const ratios: number[] = [];
  const speeds = { bare: [] as number[], worker: [] as number[] };
  const cpu = { bare: [] as number[], worker: [] as number[] };
  let maxLagMs = 0;
  await bare(batchSize);
  const cases = casesFor((2 * batchSize) / (await bare(2 * batchSize)));
  const discs = cases * REGIONS_PER_CASE;
  for (let round = 0; round < rounds; round++) {
    const bareCpu = watchCpu();
    const bareSpeed = discs / (await bare(discs));
    cpu.bare.push(bareCpu() / discs);
    const rows = await insertCases(database, cases);
    const [lag, workerCpu] = [watchLag(), watchCpu()];
    const workerSpeed = discs / (await throughWorker(database, queues, rows));
    maxLagMs = Math.max(maxLagMs, lag());
    cpu.worker.push(workerCpu() / discs);
    ratios.push(workerSpeed / bareSpeed);
    speeds.bare.push(bareSpeed);
    speeds.worker.push(workerSpeed);
    console.error(`${named}: bare ${bareSpeed.toFixed(1)}, worker ${workerSpeed.toFixed(1)} discs/s`);
  }
  await worker.close();
  return {
    model: named,
    casesPerRound: cases,
    ratio: median(ratios),
    ratios,
    bareDiscsPerSecond: median(speeds.bare),
    workerDiscsPerSecond: median(speeds.worker),
    bareCpuMsPerDisc: median(cpu.bare),
    workerCpuMsPerDisc: median(cpu.worker),
    maxLagMs,
  };
}

/** @returns a function that runs so many regions and gives the seconds it took */
async function openBare({ path, card }: ModelFile): Promise<(discs: number) => Promise<number>> {
  const session = await InferenceSession.create(await readFile(path), {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const { name, normalisation } = card.input as { name: string; normalisation: Normalisation };
  const batchOf = (count: number) => {
    const greys = new Uint8Array(Array.from({ length: count }, (_, i) => [...greyRegion(i)]).flat());
    return new Tensor('float32', createNormaliser(normalisation)(greys), [count, 3, 224, 224]);
  };
  const full = batchOf(batchSize);
  return async (discs) => {
    const rest = discs % batchSize === 0 ? null : batchOf(discs % batchSize);
    const started = performance.now();
    for (let done = 0; done + batchSize <= discs; done += batchSize) await session.run({ [name]: full });
    if (rest) await session.run({ [name]: rest });
    return (performance.now() - started) / 1000;
  };
}

/** Whole batches at least for every lane. */
function casesFor(discsPerSecond: number): number {
  return Math.ceil(Math.max(seconds * discsPerSecond, 4 * batchSize) / REGIONS_PER_CASE);
}

async function insertCases(database: Database, cases: number): Promise<CaseRow[]> {
  const pngs = await Promise.all(Array.from({ length: REGIONS_PER_CASE }, (_, i) => pngOf(greyRegion(i))));
  const rows: CaseRow[] = [];
  for (let n = 0; n < cases; n++) rows.push(await insertLocatedCase(database, regionsOf(pngs)));
  return rows;
}

/** From the first wake to the last case classified, seconds; by the clock of the rows, so that asking costs little. */
async function throughWorker({ knex }: Database, queues: Queues, rows: readonly CaseRow[]): Promise<number> {
  const started = Date.now();
  await Promise.all(rows.map(({ id, revision, state }) => queues.wake({ id, revision, state })));
  for (;;) {
    const left = await knex('case').whereNot({ state: 'classified' }).first('id', 'state', 'lastError');
    if (!left) break;
    if (left.state === 'parked') throw new Error(`case ${left.id} was parked: ${left.lastError}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  const latest = await knex('case').orderBy('stateSince', 'desc').first('stateSince');
  return (latest.stateSince.getTime() - started) / 1000;
}

/** @returns a function that gives the milliseconds of processor time since */
function watchCpu(): () => number {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
}

function watchLag(): () => number {
  let worst = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    worst = Math.max(worst, now - last - 5);
    last = now;
  }, 5);
  return () => {
    clearInterval(timer);
    return worst;
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

function report(outcomes: readonly Outcome[]): void {
  const about = { batchSize, rounds, threads, cpu: cpus()[0]?.model ?? '?', runtime: RUNTIME };
  const queue = REDIS_URL ? 'redis' : 'postgres';
  console.log(`queue on ${queue}, batches of ${batchSize}, ${threads} threads, ${about.cpu}, ${RUNTIME}`);
  const line = (...cells: string[]) =>
    cells.map((cell, i) => (i ? cell.padStart(16) : cell.padEnd(20))).join('');
  console.log(line('discs/s', 'bare', 'worker', 'ratio', 'longest lag, ms'));
  for (const { model, ratio, bareDiscsPerSecond, workerDiscsPerSecond, maxLagMs } of outcomes)
    console.log(
      line(
        model,
        bareDiscsPerSecond.toFixed(1),
        workerDiscsPerSecond.toFixed(1),
        ratio.toFixed(3),
        maxLagMs.toFixed(0),
      ),
    );
  if (options.json)
    console.log(JSON.stringify({ ratio: outcomes[0]?.ratio ?? null, queue, ...about, networks: outcomes }));
}
