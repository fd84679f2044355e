import { randomUUID } from 'node:crypto';
import { CASE_STATES, type CaseState, mayMove } from '../../agent/domain/caseStates.js';
import { CalcidiscError } from '../../agent/domain/errors.js';
import type { Tx } from '../server/knex.js';
import { type AuditEvent, type AuditEventName, appendAudit, appendAudits } from './audit.js';
import { insertInferences, type NewInference } from './inferences.js';

export interface CaseRow {
  readonly id: string;
  /** The series that is read: until one is chosen, the first that was complete. */
  readonly mrSeriesInstanceUid: string;
  readonly mrStudyInstanceUid: string;
  readonly state: CaseState;
  readonly revision: number;
  readonly revisionReason: string;
  readonly parkedFrom: CaseState | null;
  readonly attempts: number;
  readonly nextAttemptAt: Date;
  /** The process whose step is running; null between steps. */
  readonly owner: number | null;
  readonly lastErrorCode: string | null;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly stateSince: Date;
  /** The case of the same study that goes on in this one's place. */
  readonly joinedInto: string | null;
  /** What a step that was put off waits for, in words. */
  readonly waitingFor: string | null;
  /** Why a closed case is closed, in words. */
  readonly closedBecause: string | null;
}

/** The case had moved on, or begun another revision, before this step was done: throw its result away. */
export class StaleCase extends Error {
  override readonly name = 'StaleCase';

  constructor(id: string, revision: number, state: CaseState) {
    super(`case ${id} is no longer ${state} in revision ${revision}`);
  }
}

export interface NewCase {
  readonly mrSeriesInstanceUid: string;
  readonly mrStudyInstanceUid: string;
}

/** One case per MR study; a second call gives the first one's row. */
export async function createCase(
  trx: Tx,
  { mrSeriesInstanceUid, mrStudyInstanceUid }: NewCase,
): Promise<{ case: CaseRow; created: boolean }> {
  const [row] = await trx<CaseRow>('case')
    .insert({ id: randomUUID(), mrSeriesInstanceUid, mrStudyInstanceUid })
    .onConflict(trx.raw('(mr_study_instance_uid) WHERE joined_into IS NULL'))
    .ignore()
    .returning('*');
  if (!row) return { case: (await findCaseOfStudy(trx, mrStudyInstanceUid))!, created: false };
  await appendAudit(trx, {
    event: 'CASE_CREATED',
    subjectType: 'case',
    subjectId: row.id,
    detail: { mrSeriesInstanceUid, mrStudyInstanceUid },
  });
  return { case: row as CaseRow, created: true };
}

export async function findCaseOfStudy(tx: Tx, mrStudyInstanceUid: string): Promise<CaseRow | null> {
  return (await tx('case').where({ mrStudyInstanceUid, joinedInto: null }).first('*')) ?? null;
}

/** The case of a study, when this very transaction has closed it. */
export async function findCaseClosedNow(trx: Tx, mrStudyInstanceUid: string): Promise<CaseRow | null> {
  const query = trx('case').where({ mrStudyInstanceUid, joinedInto: null, state: 'closed' });
  // In PostgreSQL now() is when the transaction began.
  return (await query.andWhereRaw('state_since >= now()').first('*')) ?? null;
}

/** Those that another case of their study goes on for, the oldest first. */
export function listJoinedCases(tx: Tx, joinedInto: string): Promise<CaseRow[]> {
  return tx('case').where({ joinedInto }).orderBy('createdAt').select('*');
}

/** What a revision reads, or why there is nothing to be read; in the transaction that moves the case. */
export async function setCase(
  trx: Tx,
  id: string,
  change: Partial<Pick<CaseRow, 'mrSeriesInstanceUid' | 'closedBecause'>>,
): Promise<void> {
  await trx('case').where({ id }).update(change);
}

/**
 * @param idOrPrefix a whole id or the beginning of one, as a person types it
 * @throws CalcidiscError CASE_AMBIGUOUS when several cases begin so
 */
export async function findCase(tx: Tx, idOrPrefix: string): Promise<CaseRow | null> {
  const prefix = idOrPrefix.toLowerCase();
  if (!/^[0-9a-f-]{1,36}$/.test(prefix)) return null;
  const rows: CaseRow[] = await tx('case')
    .whereRaw('id::text LIKE ?', [`${prefix}%`])
    .limit(2)
    .select('*');
  if (rows.length > 1)
    throw new CalcidiscError(
      'CASE_AMBIGUOUS',
      `more than one case begins with ${prefix}: give more of its id`,
    );
  return rows[0] ?? null;
}

export interface CaseFilter {
  readonly limit?: number;
  /** The last case of the page before: an id, because times in JavaScript are coarser than the database's. */
  readonly before?: string;
  readonly states?: readonly CaseState[];
  readonly mrStudyInstanceUid?: string;
}

/** The newest first, without those that were joined with another. */
export async function listCases(tx: Tx, filter: CaseFilter = {}): Promise<CaseRow[]> {
  const query = tx('case')
    .where({ joinedInto: null })
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(filter.limit ?? 50);
  if (filter.before)
    query.whereRaw('(created_at, id) < (SELECT created_at, id FROM "case" WHERE id = ?)', [filter.before]);
  if (filter.states) query.whereIn('state', [...filter.states]);
  if (filter.mrStudyInstanceUid) query.where({ mrStudyInstanceUid: filter.mrStudyInstanceUid });
  return query.select('*');
}

export interface Move {
  readonly id: string;
  readonly revision: number;
  readonly from: CaseState;
  readonly to: CaseState;
  readonly auditDetail?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Takes a case one state on, and says so on the audit trail, in the caller's transaction. Call it last.
 * @throws StaleCase when the case is not in that state and revision any more: the transaction must not commit
 * @throws RangeError when the table of states does not allow the move
 */
export async function moveCase(trx: Tx, { id, revision, from, to, auditDetail }: Move): Promise<CaseRow> {
  if (!mayMove(from, to)) throw new RangeError(`a case does not go from ${from} to ${to}`);
  const [row] = await trx('case')
    .where({ id, revision, state: from })
    .update({ ...FRESH(trx), state: to, parkedFrom: to === 'parked' ? from : null })
    .returning('*');
  if (!row) throw new StaleCase(id, revision, from);
  await appendAudit(trx, movedEvent({ id, revision, from, to, auditDetail }));
  return row;
}

/** A move with what is written with it. */
export interface MoveWithResults extends Move {
  readonly save?: ((trx: Tx) => Promise<unknown>) | undefined;
  /** A worker's results: for a whole group of cases one statement writes them. */
  readonly inferences?: readonly NewInference[] | undefined;
}

/**
 * As moveCase, for several that take the same step, with their results: in the caller's transaction, as its last.
 * @returns in the order given, StaleCase for a case that had moved on: nothing of it is written
 * @throws RangeError as moveCase, and for steps that differ
 */
export async function moveCases(
  trx: Tx,
  moves: readonly MoveWithResults[],
): Promise<(CaseRow | StaleCase)[]> {
  const [{ from, to }] = moves as [MoveWithResults, ...MoveWithResults[]];
  if (!mayMove(from, to)) throw new RangeError(`a case does not go from ${from} to ${to}`);
  if (moves.some((move) => move.from !== from || move.to !== to)) throw new RangeError('different steps');
  const places = moves.map(({ id, revision }) => [id, revision]);
  const rows: CaseRow[] = await trx('case')
    .where({ state: from })
    .whereIn(['id', 'revision'], places)
    .update({ ...FRESH(trx), state: to, parkedFrom: to === 'parked' ? from : null })
    .returning('*');
  const moved = new Map(rows.map((row) => [row.id, row]));
  const fresh = moves.filter(({ id }) => moved.has(id));
  for (const { save } of fresh) await save?.(trx);
  await insertInferences(
    trx,
    fresh.flatMap(({ inferences }) => inferences ?? []),
  );
  await appendAudits(trx, fresh.map(movedEvent));
  return moves.map(({ id, revision }) => moved.get(id) ?? new StaleCase(id, revision, from));
}

const MOVED_TO: Partial<Record<CaseState, AuditEventName>> = { parked: 'CASE_PARKED', closed: 'CASE_CLOSED' };

function movedEvent({ id, revision, from, to, auditDetail }: Move): AuditEvent {
  return {
    event: MOVED_TO[to] ?? (from === 'parked' ? 'CASE_UNPARKED' : 'CASE_MOVED'),
    subjectType: 'case',
    subjectId: id,
    detail: { ...auditDetail, from, to, revision },
  };
}

export interface Reason {
  readonly id: string;
  /** In words, for the trail and the amended report. */
  readonly reason: string;
  /** 'user:anna' when a person asked for it. */
  readonly actor?: string;
}

/**
 * Begins the next revision from the first step: a late image, a CT that came after the report. What a step of the
 * revision before is doing at that moment comes to nothing (StaleCase).
 * @returns null when there is no such case
 */
export async function reviseCase(trx: Tx, { id, reason, actor }: Reason): Promise<CaseRow | null> {
  const before = await lockCase(trx, id);
  if (!before) return null;
  const [row] = await trx('case')
    .where({ id })
    .update({
      ...FRESH(trx),
      state: 'received',
      parkedFrom: null,
      revision: before.revision + 1,
      revisionReason: reason,
      closedBecause: null,
    })
    .returning('*');
  await appendAudit(trx, {
    event: 'CASE_REVISED',
    subjectType: 'case',
    subjectId: id,
    detail: { from: before.state, to: 'received', revision: row.revision, reason },
    ...(actor ? { actor } : {}),
  });
  return row;
}

/**
 * Sends a parked case back to the state it was parked in.
 * @returns null when the case is not parked
 */
export async function unparkCase(trx: Tx, { id, reason, actor }: Reason): Promise<CaseRow | null> {
  const parked = await lockCase(trx, id);
  if (!parked?.parkedFrom) return null;
  const [row] = await trx('case')
    .where({ id })
    .update({ ...FRESH(trx), state: parked.parkedFrom, parkedFrom: null })
    .returning('*');
  await appendAudit(trx, {
    event: 'CASE_UNPARKED',
    subjectType: 'case',
    subjectId: id,
    detail: { from: 'parked', to: parked.parkedFrom, revision: parked.revision, reason },
    ...(actor ? { actor } : {}),
  });
  return row;
}

/** The case's row, held until the transaction ends. */
export async function lockCase(trx: Tx, id: string): Promise<CaseRow | null> {
  return (await trx('case').where({ id }).forUpdate().first('*')) ?? null;
}

/** How many cases are in each state, without those that were joined with another. */
export async function countCases(tx: Tx): Promise<Record<CaseState, number>> {
  const rows: { state: CaseState; count: number }[] = await tx('case')
    .where({ joinedInto: null })
    .groupBy('state')
    .select('state')
    .count('* as count');
  const counts = Object.fromEntries(Object.keys(CASE_STATES).map((state) => [state, 0]));
  for (const { state, count } of rows) counts[state] = Number(count);
  return counts as Record<CaseState, number>;
}

/** A case that has just come into a state: due at once, never tried, nobody at work on it. */
const FRESH = (tx: Tx) => ({
  attempts: 0,
  owner: null,
  nextAttemptAt: tx.raw('clock_timestamp()'),
  stateSince: tx.raw('clock_timestamp()'),
  lastErrorCode: null,
  lastError: null,
  waitingFor: null,
});
