import { randomUUID } from 'node:crypto';
import type { Tx } from '../server/knex.js';
import { processOwner } from '../server/presence.js';
import { isKeptBack } from './backfillStudies.js';
import type { Attempts, DeliveryFailure } from './deliveries.js';

/** Something to be told to a destination beside the results themselves. */
export type NoticeRow = CaseNotice | AlarmNotice;

/** That something is wrong, or no longer. */
export interface AlarmNotice extends Attempts {
  readonly id: string;
  readonly kind: 'alarm' | 'alarm-over';
  readonly alarmId: string;
  readonly caseId: null;
  readonly revision: null;
  readonly occasion: Date;
}

export interface CaseNotice extends Attempts {
  readonly id: string;
  readonly caseId: string;
  readonly revision: number;
  readonly kind: 'parked' | 'withdrawn';
  readonly alarmId: null;
  readonly occasion: Date;
  /** Of 'withdrawn': the report that is taken back. */
  readonly reportId: string | null;
  readonly reason: string | null;
  readonly reasonCode: string | null;
}

/** From now on, for those that are new: what was parked before is old news. */
export async function tellSince(tx: Tx, destinations: readonly string[]): Promise<void> {
  if (destinations.length === 0) return;
  const rows = destinations.map((destination) => ({ destination }));
  await tx('toldSince').insert(rows).onConflict('destination').ignore();
}

/** A notice of each case that is parked, once for each time it is; of a backfill's cases none. @returns how many are new */
export async function noteParked(tx: Tx, destinations: readonly string[]): Promise<number> {
  if (destinations.length === 0) return 0;
  const { rowCount } = await tx.raw(
    `INSERT INTO notice (id, case_id, revision, kind, occasion, destination)
     SELECT gen_random_uuid(), c.id, c.revision, 'parked', c.state_since, t.destination
       FROM "case" c JOIN told_since t ON t.destination = ANY (:destinations) AND c.state_since >= t.since
      WHERE c.state = 'parked' AND NOT ${isKeptBack('c.mr_study_instance_uid')}
     ON CONFLICT (case_id, kind, occasion, destination) DO NOTHING`,
    { destinations: [...destinations] },
  );
  return rowCount;
}

export interface Withdrawal {
  readonly caseId: string;
  readonly revision: number;
  readonly reportId: string;
  readonly reason: string;
  readonly reasonCode: string;
}

/** One for each destination that was given the report. */
export async function noteWithdrawal(
  trx: Tx,
  withdrawal: Withdrawal,
  destinations: readonly string[],
): Promise<void> {
  if (destinations.length === 0) return;
  const occasion = trx.raw('clock_timestamp()');
  const rows = destinations.map((destination) => ({
    ...withdrawal,
    id: randomUUID(),
    kind: 'withdrawn',
    occasion,
    destination,
  }));
  await trx('notice').insert(rows);
}

/**
 * Takes the notice that is due longest, or whose process is gone, and counts the attempt; one at a time for each
 * destination, so that one that does not answer holds up no other.
 */
export async function claimNotice(
  tx: Tx,
  destinations: readonly string[],
  busy: readonly string[],
): Promise<NoticeRow | null> {
  const { rows } = await tx.raw(
    `UPDATE notice SET attempts = attempts + 1, owner = :owner
      WHERE id = (
        SELECT id FROM notice
         WHERE state = 'pending' AND destination = ANY (:destinations) AND destination <> ALL (:busy)
           AND (next_attempt_at <= clock_timestamp() AND owner IS NULL OR owner IS NOT NULL AND NOT process_is_alive(owner))
         ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING *`,
    { owner: processOwner, destinations: [...destinations], busy: [...busy] },
  );
  return rows[0] ?? null;
}

export async function noticeStored(
  tx: Tx,
  { id }: NoticeRow,
  status: string,
  message: Uint8Array | null,
): Promise<void> {
  await tx('notice')
    .where({ id, state: 'pending' })
    .update({
      state: 'stored',
      owner: null,
      storedAt: tx.raw('clock_timestamp()'),
      lastStatus: status,
      lastErrorCode: null,
      lastError: null,
      message: message && Buffer.from(message),
    });
}

export async function noticeFailed(
  tx: Tx,
  { id }: NoticeRow,
  { error, status, delayMs }: DeliveryFailure,
): Promise<void> {
  await tx('notice')
    .where({ id, state: 'pending' })
    .update({
      state: delayMs === null ? 'parked' : 'pending',
      owner: null,
      nextAttemptAt: tx.raw("clock_timestamp() + ? * interval '1 millisecond'", [delayMs ?? 0]),
      lastStatus: status,
      lastErrorCode: error.code,
      lastError: error.message,
    });
}

/** On a person's word. @returns how many go out again */
export function unparkNotices(trx: Tx, caseId: string): Promise<number> {
  return trx('notice')
    .where({ caseId, state: 'parked' })
    .update({ state: 'pending', attempts: 0, nextAttemptAt: trx.raw('clock_timestamp()') });
}

/** Without the messages, the newest first. */
export function listNotices(tx: Tx, caseId: string): Promise<CaseNotice[]> {
  return tx('notice')
    .where({ caseId })
    .orderBy('createdAt', 'desc')
    .orderBy('destination')
    .select(
      ...['id', 'caseId', 'revision', 'kind', 'occasion', 'reportId', 'reason', 'reasonCode', 'destination'],
      ...[
        'state',
        'attempts',
        'nextAttemptAt',
        'lastStatus',
        'lastErrorCode',
        'lastError',
        'createdAt',
        'storedAt',
      ],
    );
}

/** Destinations that are still to hear that an earlier result of a case does not stand. */
export async function listUntoldWithdrawals(tx: Tx, caseId: string): Promise<string[]> {
  return tx('notice').where({ caseId, kind: 'withdrawn', state: 'pending' }).distinct().pluck('destination');
}
