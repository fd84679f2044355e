/**
 * `npm run bench:queue`
 *
 * How long the embedded server takes to come up (first and later), and how fast the queue hands out jobs: empty ones,
 * and whole steps of a case (taken, moved, audited, committed with fsync). One JSON document on stdout.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { type Database, openDatabase } from '../../db/server/database.js';
import { openQueues } from '../../db/work/queue.js';
import { runStep } from '../../db/work/runStep.js';
import { makeCase } from '../support/cases.js';
import { quietLog } from '../support/database.js';
import { hasPeer } from '../support/peers.js';
import { startRedis } from '../support/redis.js';
import { argumentsOf } from './arguments.js';

argumentsOf(import.meta.url, {});
const JOBS = 2_000;
const CASES = 200;
const CONCURRENCY = 8;

const dataDir = await mkdtemp(join(tmpdir(), 'calcidisc-bench-'));
const firstStartMs = await timed(async () =>
  (await openDatabase(parseConfig({ dataDir }), quietLog)).close(),
);
let database!: Database;
const startMs = await timed(async () => {
  database = await openDatabase(parseConfig({ dataDir }), quietLog);
});
const redis = hasPeer('redis') ? await startRedis() : null;
const answer = {
  embedded: { firstStartMs: Math.round(firstStartMs), startMs: Math.round(startMs) },
  postgres: await measure(parseConfig({ dataDir })),
  redis: redis && (await measure(parseConfig({ dataDir, queue: { redisUrl: redis.url } }))),
};
await redis?.stop();
await database.close();
await rm(dataDir, { recursive: true, force: true });
console.log(JSON.stringify(answer, null, 2));

async function measure(config: Config) {
  return {
    jobsPerSecond: Math.round(JOBS / ((await emptyJobs(config)) / 1000)),
    wakeToHandlerMs: await dispatch(config),
    stepsPerSecond: Math.round(CASES / ((await steps(config)) / 1000)),
  };
}

/** From the first job waiting to the last one done. */
async function emptyJobs(config: Config): Promise<number> {
  const queues = await openQueues(config, database, quietLog);
  const wakes = Array.from({ length: JOBS }, (_, at) => ({
    id: `job${at}`,
    revision: 1,
    state: 'received' as const,
  }));
  for (const wake of wakes) await queues.wake(wake);
  let done = 0;
  const ms = await timed(
    () =>
      new Promise<void>((resolve) => {
        queues.runAgent(async () => {
          if (++done === JOBS) resolve();
        }, CONCURRENCY);
      }),
  );
  await queues.close();
  return ms;
}

/** An idle worker: median milliseconds from the wake to its handler. */
async function dispatch(config: Config): Promise<number> {
  const queues = await openQueues(config, database, quietLog);
  let arrived: () => void = () => undefined;
  queues.runAgent(async () => arrived(), 1);
  const times: number[] = [];
  for (let at = 0; at < 60; at++) {
    times.push(
      await timed(async () => {
        const arrival = new Promise<void>((resolve) => {
          arrived = resolve;
        });
        await queues.wake({ id: `dispatch${at}`, revision: 1, state: 'received' });
        await arrival;
      }),
    );
  }
  await queues.close();
  return Number(
    times
      .slice(10)
      .sort((a, b) => a - b)[25]!
      .toFixed(1),
  );
}

async function steps(config: Config): Promise<number> {
  const queues = await openQueues(config, database, quietLog);
  for (let at = 0; at < CASES; at++) await queues.wake(await makeCase(database.knex));
  const context = { database, queues, retry: config.retry, log: quietLog };
  let done = 0;
  const ms = await timed(
    () =>
      new Promise<void>((resolve) => {
        queues.runAgent(async (job) => {
          if (job.state === 'received') await runStep(context, job, async () => ({ to: 'paired' }));
          if (job.state === 'received' && ++done === CASES) resolve();
        }, CONCURRENCY);
      }),
  );
  await queues.close();
  return ms;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
