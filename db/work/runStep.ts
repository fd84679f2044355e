import { setTimeout as sleep } from 'node:timers/promises';
import type { CaseState } from '../../agent/domain/caseStates.js';
import type { Logger } from '../../config/log.js';
import type { Database } from '../server/database.js';
import { type CaseRow, type MoveWithResults, StaleCase } from '../tables/cases.js';
import { backoffMs } from './backoff.js';
import { type CaseSteps, oneByOne } from './caseSteps.js';
import type { Job, Queues } from './queue.js';
import { noteStep } from './stageTimes.js';
import { failStep, postponeStep, type StepRetry } from './steps.js';

/** Thrown by `save` when what the step rests on has changed meanwhile: nothing is written, it is taken again at once. */
export class DecidedOtherwise extends Error {
  override readonly name = 'DecidedOtherwise';
}

export interface RunContext {
  readonly database: Pick<Database, 'knex'>;
  readonly queues: Pick<Queues, 'wake'>;
  readonly retry: StepRetry;
  readonly log: Logger;
  /** One by one unless said otherwise. */
  readonly steps?: CaseSteps;
}

/** How a step ended well: the next state and what is written with it, or when to come again. */
export type StepEnd =
  | {
      readonly to: CaseState;
      /** Writes the step's results, in the transaction that moves the case. */
      readonly save?: MoveWithResults['save'];
      readonly inferences?: MoveWithResults['inferences'];
      readonly auditDetail?: MoveWithResults['auditDetail'];
    }
  | PutOff;

/** When to come again, and what is waited for, in words. */
interface PutOff {
  /** null: not before a person, or something that arrives, says so. */
  readonly postponeMs: number | null;
  readonly waitingFor?: string;
}

/**
 * One unit of work from its job to the next one's wake: takes the step, does the work, then results, new state and
 * audit event in one transaction; or back-off, or parked. Throws only when the database is away, and then the sweep
 * finds the case again.
 */
export async function runStep(
  context: RunContext,
  { caseId: id, revision, state }: Job,
  work: (row: CaseRow) => Promise<StepEnd>,
): Promise<void> {
  const { database, queues, retry, log } = context;
  const step = { id, revision, state };
  const about = { caseId: id, revision, state };
  const steps = context.steps ?? oneByOne(database.knex, retry.maxAttempts);
  const row = await steps.start(step);
  if (!row) return;
  const begin = performance.now();
  try {
    const end = await work(row);
    // The wake for what comes next, once this is committed.
    if ('to' in end) {
      await queues.wake(await steps.advance({ ...step, from: state, ...end }));
      const milliseconds = Math.round(performance.now() - begin);
      noteStep(id, state, milliseconds, Date.now() - row.stateSince.getTime());
      log.info({ ...about, to: end.to, milliseconds }, 'a step is done');
    } else await comeAgain(context, row, end);
  } catch (error) {
    if (error instanceof StaleCase) return log.info(about, 'a step was overtaken: its result is thrown away');
    if (error instanceof DecidedOtherwise) return comeAgain(context, row, { postponeMs: AT_ONCE_MS });
    const failure = await insist(() => failStep(database.knex, { ...step, error, retry }));
    log.warn({ err: error, ...about, ...failure }, 'a step failed');
    if (failure.outcome === 'retry') await queues.wake({ ...step, ...failure });
  }
}

/** As good as never: nothing that a sweep finds, nor a job that waits in the queue. */
const NEVER_MS = 100 * 365 * 24 * 3_600_000;

/** Queued again, not run again here: others have their turn. */
const AT_ONCE_MS = 1;

async function comeAgain(
  { database, queues, log }: RunContext,
  row: CaseRow,
  { postponeMs, waitingFor }: PutOff,
): Promise<void> {
  const delayMs = postponeMs ?? NEVER_MS;
  const { id, revision, state } = row;
  // Once, not at every look.
  if (waitingFor && waitingFor !== row.waitingFor)
    log.info({ caseId: id, revision, state, waitingFor }, 'a case waits');
  const putOff = { id, revision, state, delayMs, waitingFor: waitingFor ?? null };
  const postponed = await postponeStep(database.knex, putOff);
  if (postponed && postponeMs !== null) await queues.wake({ ...postponed, delayMs });
}

/** A failure that cannot be written down, because the database went away, would keep the case to us for a lease. */
async function insist<T>(write: () => Promise<T>): Promise<T> {
  for (let attempt = 1; attempt < 8; attempt++) {
    try {
      return await write();
    } catch {
      await sleep(backoffMs(attempt, { firstMs: 200, maxMs: 5_000 }));
    }
  }
  return write();
}
