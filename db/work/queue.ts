import { CASE_STATES, type CaseState } from '../../agent/domain/caseStates.js';
import { within } from '../../agent/domain/within.js';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../server/database.js';
import { type Kept, untilReady } from '../server/untilReady.js';
import { gather } from './gather.js';
import {
  type Backend,
  chooseBackend,
  type JobQueue,
  type QueuedJob,
  type QueueName,
} from './queueBackend.js';
import type { Step } from './steps.js';

/** What a job says: which case to look at. The row in the database says everything else. */
export interface Job {
  readonly caseId: string;
  readonly revision: number;
  readonly state: CaseState;
}

export interface Wake extends Step {
  /**
   * The row's. Part of the job's id: the same wake twice is one job, but whatever happens to the step (started, put
   * off, moved) changes it, so that the job of a dead process, which BullMQ keeps as active until it is sure, does
   * not stand in the way of the next one.
   */
  readonly nextAttemptAt?: Date;
  readonly delayMs?: number;
}

export type Handler = (job: Job) => Promise<void>;

export interface Running {
  /** Takes no new job and waits for those under way. */
  close(): Promise<void>;
}

export interface Queues {
  /**
   * Call after the commit. Never throws and never waits long: what is lost here the sweep makes good.
   * @returns whether the queue has taken it; also true for a state without work
   */
  wake(step: Wake): Promise<boolean>;
  runAgent(handler: Handler, concurrency: number): Running;
  runWorker(handler: Handler, concurrency: number): Running;
  /** Jobs waiting, put off or running. */
  depth(): Promise<Record<QueueName, number>>;
  close(): Promise<void>;
}

/** For tests; a job whose process died is given to another one after lockMs, where the sweep was not there first. */
export interface QueueTimes {
  readonly lockMs: number;
  readonly stalledCheckMs: number;
  readonly wakeTimeoutMs: number;
}

const TIMES: QueueTimes = { lockMs: 15_000, stalledCheckMs: 5_000, wakeTimeoutMs: 5_000 };

/** @throws the database's error when the queue's tables cannot be made; Redis may be away */
export async function openQueues(
  config: Pick<Config, 'queue'>,
  database: Pick<Database, 'url'>,
  log: Logger,
  times: Partial<QueueTimes> = {},
): Promise<Queues> {
  const { lockMs, stalledCheckMs, wakeTimeoutMs } = { ...TIMES, ...times };
  const backend = chooseBackend(config, database.url);
  const health = reportHealth(log, backend.kind);
  const queues = await openBoth(backend, health.failed);
  const add = { agent: adderTo(queues.agent), worker: adderTo(queues.worker) };
  const running = new Set<Running>();

  function run(name: QueueName, handler: Handler, concurrency: number): Running {
    const settings = { concurrency, lockDuration: lockMs, stalledInterval: stalledCheckMs };
    const make = () => {
      const made = backend.worker(name, (data) => handle(data as Job, handler, log), settings);
      made.on('stalled', (jobId) => log.warn({ jobId }, 'a job was left by its process and is queued again'));
      return made;
    };
    const worker = untilReady(make, health.failed, (made) => made.run());
    running.add(worker);
    return {
      close: () => {
        running.delete(worker);
        return worker.close();
      },
    };
  }

  return {
    async wake(step) {
      const { by } = CASE_STATES[step.state];
      if (by === null) return true;
      try {
        await within(wakeTimeoutMs, add[by](step));
        health.answered();
        return true;
      } catch (error) {
        health.failed(error as Error);
        return false;
      }
    },
    runAgent: (handler, concurrency) => run('agent', handler, concurrency),
    runWorker: (handler, concurrency) => run('worker', handler, concurrency),
    depth: async () => ({
      agent: await depthOf(queues.agent.current()),
      worker: await depthOf(queues.worker.current()),
    }),
    async close() {
      await Promise.all([...running].map((each) => each.close()));
      await Promise.all(Object.values(queues).map((queue) => queue.close().catch(() => undefined)));
    },
  };
}

/** In PostgreSQL one after the other, as both would make the same tables; Redis may come later. */
async function openBoth(
  backend: Backend,
  failed: (error: Error) => void,
): Promise<Record<QueueName, Kept<JobQueue>>> {
  async function open(name: QueueName): Promise<Kept<JobQueue>> {
    const queue = untilReady(() => backend.queue(name), failed);
    try {
      if (backend.kind === 'postgres') await queue.current().waitUntilReady();
    } catch (error) {
      await queue.close();
      throw error;
    }
    return queue;
  }
  return { agent: await open('agent'), worker: await open('worker') };
}

/** Wakes that come together are added together. */
function adderTo({ current }: Kept<JobQueue>): (step: Wake) => Promise<unknown> {
  return gather({
    limit: 500,
    waitMs: 0,
    run: async (steps: readonly Wake[]) => {
      const queue = current();
      const jobs = steps.map(jobOf);
      // In PostgreSQL BullMQ makes two temporary tables to add in bulk: worth it from four jobs on.
      if (jobs.length >= 4) await queue.addBulk(jobs);
      else await Promise.all(jobs.map(({ name, data, opts }) => queue.add(name, data, opts)));
      return steps;
    },
  });
}

/** In order of the path: a case that has begun ends before younger ones begin; within a state the first come first. */
const STATES = Object.keys(CASE_STATES) as CaseState[];

/** BullMQ: from 1, the lowest first. */
const priorityOf = (state: CaseState) => STATES.length - STATES.indexOf(state);

function jobOf({ id, revision, state, nextAttemptAt, delayMs }: Wake): QueuedJob {
  const data: Job = { caseId: id, revision, state };
  const opts = {
    jobId: [id, revision, state, nextAttemptAt?.getTime() ?? 'now'].join('.'),
    removeOnComplete: true,
    removeOnFail: true,
    // The database counts the attempts.
    attempts: 1,
    priority: priorityOf(state),
    ...(delayMs ? { delay: delayMs } : {}),
  };
  return { name: CASE_STATES[state].work ?? state, data, opts };
}

async function handle(job: Job, handler: Handler, log: Logger): Promise<void> {
  try {
    await handler(job);
  } catch (error) {
    log.error({ err: error, ...job }, 'a job ended with an error nobody caught');
    throw error;
  }
}

async function depthOf(queue: JobQueue): Promise<number> {
  const counts = await queue.getJobCounts('waiting', 'prioritized', 'delayed', 'active');
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** One line when the queue goes and one when it is back, whatever its client has to say in between. */
function reportHealth(log: Logger, kind: string) {
  let isAway = false;
  return {
    failed(this: void, error: Error) {
      if (!isAway)
        log.warn({ err: error, kind }, 'the queue does not answer: the sweep will wake what is due');
      isAway = true;
    },
    answered(this: void) {
      if (isAway) log.info({ kind }, 'the queue answers again');
      isAway = false;
    },
  };
}
