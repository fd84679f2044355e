import { createPostgresBackend, type JobsOptions, Queue, Worker } from 'bullmq';
import type { Config } from '../../config/schema.js';

export type QueueName = 'agent' | 'worker';

export interface QueuedJob {
  readonly name: string;
  readonly data: unknown;
  readonly opts: JobsOptions;
}

/** As much of BullMQ's Queue and Worker as is used here, the same for both of its backends. */
export interface JobQueue {
  add(name: string, data: unknown, options: JobsOptions): Promise<unknown>;
  /** All of them or none; an id that is queued already is left as it is. */
  addBulk(jobs: QueuedJob[]): Promise<unknown>;
  getJobCounts(
    ...states: ('waiting' | 'prioritized' | 'delayed' | 'active')[]
  ): Promise<Record<string, number>>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

export interface JobWorker {
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'stalled', listener: (jobId: string) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  /** Only once it is ready. Resolves when it is closed. */
  run(): Promise<unknown>;
  close(): Promise<void>;
}

export interface WorkerSettings {
  readonly concurrency: number;
  readonly lockDuration: number;
  readonly stalledInterval: number;
}

export interface Backend {
  readonly kind: 'postgres' | 'redis';
  queue(name: QueueName): JobQueue;
  worker(name: QueueName, process: (data: unknown) => Promise<void>, settings: WorkerSettings): JobWorker;
}

/** Where BullMQ keeps its jobs: in the same PostgreSQL as everything else, or on Redis. */
export function chooseBackend({ queue }: Pick<Config, 'queue'>, databaseUrl: string): Backend {
  return queue.redisUrl
    ? redisBackend(queue.redisUrl, queue.prefix)
    : postgresBackend(databaseUrl, queue.prefix);
}

/**
 * A job is kept nowhere once done or failed: the row in the database is the record, and the id is free again.
 * Workers are started by hand, when they are ready (untilReady.ts).
 */
const WORKER_OPTIONS = {
  removeOnComplete: { count: 0 },
  removeOnFail: { count: 0 },
  autorun: false,
} as const;

/** After an error of the queue's own, how soon a worker asks again. */
const RETRY_MS = 1_000;

function postgresBackend(url: string, prefix: string): Backend {
  const connection = { connectionString: url, schema: schemaName(prefix), migrate: true, max: 3 };
  return {
    kind: 'postgres',
    queue: (name) => new Queue(name, { connection }, createPostgresBackend),
    worker: (name, process, settings) =>
      new Worker(
        name,
        (job) => process(job.data),
        { connection, ...settings, ...WORKER_OPTIONS, runRetryDelay: RETRY_MS },
        createPostgresBackend,
      ) as JobWorker,
  };
}

function redisBackend(url: string, prefix: string): Backend {
  const reconnect = { retryStrategy: (times: number) => Math.min(times * 100, RETRY_MS) };
  return {
    kind: 'redis',
    // Without the off-line queue an add fails at once while Redis is away, instead of waiting for it.
    queue: (name) =>
      new Queue(name, {
        prefix,
        connection: { url, ...reconnect, maxRetriesPerRequest: 1, enableOfflineQueue: false },
      }),
    worker: (name, process, settings) =>
      new Worker(name, (job) => process(job.data), {
        prefix,
        connection: { url, ...reconnect, maxRetriesPerRequest: null },
        ...settings,
        ...WORKER_OPTIONS,
        runRetryDelay: RETRY_MS,
      }) as JobWorker,
  };
}

/** A schema of its own beside ours; a prefix may hold signs that a schema's name may not. */
function schemaName(prefix: string): string {
  return `${prefix.replace(/[^A-Za-z0-9_]/g, '_')}_queue`;
}
