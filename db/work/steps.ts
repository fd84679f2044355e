import { CASE_STATES, type CaseState } from '../../agent/domain/caseStates.js';
import { asCalcidiscError, CalcidiscError } from '../../agent/domain/errors.js';
import type { Tx } from '../server/knex.js';
import { processOwner } from '../server/presence.js';
import { appendAudit } from '../tables/audit.js';
import { type CaseRow, lockCase, moveCase } from '../tables/cases.js';
import { backoffMs, type RetryPolicy } from './backoff.js';

/** The one unit of work that is due for a case: what a job carries. */
export interface Step {
  readonly id: string;
  readonly revision: number;
  readonly state: CaseState;
}

export interface StepRetry extends RetryPolicy {
  readonly maxAttempts: number;
}

/** Longer than any step should take: then it is taken for hung, though its process lives. */
export const STEP_LEASE_MS = 5 * 60_000;

const WORKING_STATES = Object.entries(CASE_STATES)
  .filter(([, { work }]) => work !== null)
  .map(([state]) => state);

/** Due: its time has come, or the process that was at it is gone. */
const DUE = '(next_attempt_at <= clock_timestamp() OR (owner IS NOT NULL AND NOT process_is_alive(owner)))';

/** Cases whose step nobody is at, longest waiting first. */
export function dueCases(tx: Tx, limit: number): Promise<CaseRow[]> {
  return tx('case')
    .whereIn('state', WORKING_STATES)
    .whereRaw(DUE)
    .orderBy('nextAttemptAt')
    .limit(limit)
    .select('*');
}

export interface StartLimits {
  readonly leaseMs?: number;
  /** A step that was started so often, and never lived to say how it failed, is parked. */
  readonly maxAttempts?: number;
}

/**
 * Takes the step for this process and counts the attempt.
 * @returns null when there is nothing to do: done already, revised, not due yet, or another process is at it
 */
export async function startStep(
  tx: Tx,
  { leaseMs, maxAttempts, ...step }: Step & StartLimits,
): Promise<CaseRow | null> {
  const [row] = await startSteps(tx, [step], {
    ...(leaseMs && { leaseMs }),
    ...(maxAttempts && { maxAttempts }),
  });
  return row!;
}

/** As startStep, for many: null where there is nothing to do, in the order asked; asked twice, a step is given once. */
export async function startSteps(
  tx: Tx,
  steps: readonly Step[],
  { leaseMs = STEP_LEASE_MS, maxAttempts = 8 }: StartLimits = {},
): Promise<(CaseRow | null)[]> {
  const { rows } = await tx.raw(START, [...columnsOf(steps), WORKING_STATES, processOwner, leaseMs]);
  const taken = new Map((rows as CaseRow[]).map((row) => [row.id, row]));
  const started: (CaseRow | null)[] = [];
  for (const { id } of steps) {
    const row = taken.get(id) ?? null;
    taken.delete(id);
    const diedTooOften = row !== null && row.attempts > maxAttempts;
    if (diedTooOften) await tx.transaction((trx) => park(trx, row, diedEveryTime(row, maxAttempts)));
    started.push(diedTooOften ? null : row);
  }
  return started;
}

/** Locked in one order, so that two processes that ask for the same cases do not cross. */
const START = `
  WITH mine AS (
    SELECT id FROM "case" JOIN unnest(?::uuid[], ?::integer[], ?::text[]) AS step (id, revision, state)
      USING (id, revision, state)
    WHERE state = ANY (?::text[]) AND ${DUE}
    ORDER BY id FOR UPDATE OF "case")
  UPDATE "case" SET attempts = attempts + 1, owner = ?,
    next_attempt_at = clock_timestamp() + ? * interval '1 millisecond'
  FROM mine WHERE "case".id = mine.id RETURNING "case".*`;

function columnsOf(steps: readonly Step[]) {
  return [steps.map(({ id }) => id), steps.map(({ revision }) => revision), steps.map(({ state }) => state)];
}

export type StepFailure =
  | { readonly outcome: 'retry'; readonly delayMs: number; readonly nextAttemptAt: Date }
  | { readonly outcome: 'parked' }
  | { readonly outcome: 'stale' };

export interface FailStep extends Step {
  readonly error: unknown;
  readonly retry: StepRetry;
}

/** Puts the step off with back-off, or parks the case: the error is permanent, or was met too often. */
export async function failStep(
  tx: Tx,
  { id, revision, state, error, retry }: FailStep,
): Promise<StepFailure> {
  const failure = asCalcidiscError(error);
  return tx.transaction(async (trx) => {
    const row = await lockCase(trx, id);
    const isOurs = row?.revision === revision && row.state === state && row.owner === processOwner;
    if (!row || !isOurs) return { outcome: 'stale' };
    if (failure.permanent || row.attempts >= retry.maxAttempts) return park(trx, row, failure);
    const delayMs = backoffMs(row.attempts, retry);
    const [{ nextAttemptAt }] = await trx('case')
      .where({ id })
      .update({ ...after(trx, delayMs), ...errorColumns(failure), waitingFor: null })
      .returning('nextAttemptAt');
    await appendAudit(trx, {
      event: 'STEP_FAILED',
      subjectType: 'case',
      subjectId: id,
      detail: { state, revision, attempts: row.attempts, delayMs, ...errorDetail(failure) },
    });
    return { outcome: 'retry', delayMs, nextAttemptAt };
  });
}

export interface PutOff extends Step {
  readonly delayMs: number;
  /** What it waits for, in words, for who looks at the case. */
  readonly waitingFor?: string | null;
}

/**
 * Nothing is wrong, but the step has to come again later (a delivery that waits for its PACS): the attempts start
 * afresh, because whatever it waits for keeps its own count.
 * @returns null when the case has moved on
 */
export async function postponeStep(
  tx: Tx,
  { id, revision, state, delayMs, waitingFor = null }: PutOff,
): Promise<CaseRow | null> {
  const [row] = await tx('case')
    .where({ id, revision, state, owner: processOwner })
    .update({ ...after(tx, delayMs), attempts: 0, waitingFor })
    .returning('*');
  return row ?? null;
}

/** What the step waits for is there: it is due now. @returns the case to wake, null when somebody is at it */
export async function hastenStep(tx: Tx, id: string): Promise<CaseRow | null> {
  const now = tx.raw('clock_timestamp()');
  const [row] = await tx('case').where({ id, owner: null }).update({ nextAttemptAt: now }).returning('*');
  return row ?? null;
}

/** For a person: in the caller's transaction, which holds the case's row. */
export async function park(trx: Tx, row: CaseRow, error: CalcidiscError): Promise<{ outcome: 'parked' }> {
  const { id, revision, state } = row;
  await moveCase(trx, {
    id,
    revision,
    from: state,
    to: 'parked',
    auditDetail: { attempts: row.attempts, ...errorDetail(error) },
  });
  await trx('case').where({ id }).update(errorColumns(error));
  return { outcome: 'parked' };
}

function diedEveryTime({ id, state }: CaseRow, maxAttempts: number): CalcidiscError {
  const { work } = CASE_STATES[state];
  return new CalcidiscError(
    'STEP_DIED',
    `the step "${work}" was started ${maxAttempts} times and never ended`,
    { id },
  );
}

function after(tx: Tx, delayMs: number) {
  const nextAttemptAt = tx.raw("clock_timestamp() + ? * interval '1 millisecond'", [delayMs]);
  return { owner: null, nextAttemptAt };
}

function errorColumns({ code, message }: CalcidiscError) {
  return { lastErrorCode: code, lastError: message };
}

/** The message may come from a library that repeats what it read, so the trail gets the code and the ids. */
function errorDetail({ code, subject }: CalcidiscError) {
  return { errorCode: code, ...subject };
}
