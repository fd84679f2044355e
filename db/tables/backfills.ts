import { randomUUID } from 'node:crypto';
import type { CalcidiscError } from '../../agent/domain/errors.js';
import type { Tx } from '../server/knex.js';
import { processOwner } from '../server/presence.js';

/** Dates are 'YYYY-MM-DD'. */
export interface BackfillRow {
  readonly id: string;
  /** The source's name in the configuration. */
  readonly source: string;
  readonly dateFrom: string;
  readonly dateTo: string;
  readonly state: 'searching' | 'reading' | 'done' | 'stopped';
  /** The last study date that the source has been asked for. */
  readonly searchedTo: string | null;
  readonly askedBy: string;
  readonly askedAt: Date;
  readonly endedAt: Date | null;
  /** Since when its results may leave, because a person said so. */
  readonly releasedAt: Date | null;
  readonly waitingFor: string | null;
  readonly attempts: number;
  readonly nextAttemptAt: Date;
  readonly lastErrorCode: string | null;
  readonly lastError: string | null;
}

export type WantedBackfill = Pick<BackfillRow, 'source' | 'dateFrom' | 'dateTo' | 'askedBy'>;

/** One that was asked for in the same words and has not ended goes on; one that was stopped, too. */
export async function askForBackfill(
  trx: Tx,
  wanted: WantedBackfill,
): Promise<{ backfill: BackfillRow; isNew: boolean }> {
  const [fresh] = await trx('backfill')
    .insert({ id: randomUUID(), ...wanted })
    .onConflict(trx.raw("(source, date_from, date_to) WHERE state <> 'done'"))
    .ignore()
    .returning('*');
  if (fresh) return { backfill: fresh, isNew: true };
  const { source, dateFrom, dateTo } = wanted;
  const [before] = await trx('backfill')
    .where({ source, dateFrom, dateTo })
    .whereNot({ state: 'done' })
    .update({
      state: trx.raw(`CASE WHEN state <> 'stopped' THEN state
        WHEN searched_to = date_to THEN 'reading' ELSE 'searching' END`),
      endedAt: null,
      nextAttemptAt: trx.raw('clock_timestamp()'),
    })
    .returning('*');
  return { backfill: before, isNew: false };
}

/** Takes a search that is due, or whose process is gone. @returns null when there is none */
export async function claimSearch(tx: Tx, running: readonly string[]): Promise<BackfillRow | null> {
  const { rows } = await tx.raw(
    `UPDATE backfill SET owner = ?, attempts = attempts + 1
      WHERE id = (
        SELECT id FROM backfill
         WHERE state = 'searching'
           AND ((owner IS NULL AND next_attempt_at <= clock_timestamp())
             OR (owner IS NOT NULL AND (NOT process_is_alive(owner) OR (owner = ? AND id <> ALL (?::uuid[])))))
         ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING *`,
    [processOwner, processOwner, [...running]],
  );
  return rows[0] ?? null;
}

/** Up to and with this date the source has been asked. @returns false when it was stopped meanwhile */
export async function searchedUpTo(trx: Tx, id: string, date: string): Promise<boolean> {
  const count = await trx('backfill')
    .where({ id, state: 'searching', owner: processOwner })
    .update({
      searchedTo: date,
      attempts: 0,
      lastErrorCode: null,
      lastError: null,
      state: trx.raw("CASE WHEN date_to = ?::date THEN 'reading' ELSE state END", [date]),
    });
  return count > 0;
}

/** The process lets go of a search; whoever comes next takes it up after `delayMs`. */
export async function leaveSearch(
  tx: Tx,
  id: string,
  delayMs: number,
  error: CalcidiscError | null,
): Promise<void> {
  await tx('backfill')
    .where({ id, owner: processOwner })
    .update({
      owner: null,
      nextAttemptAt: tx.raw("clock_timestamp() + ? * interval '1 millisecond'", [delayMs]),
      ...(error && { lastErrorCode: error.code, lastError: error.message }),
    });
}

/** What all that have not ended wait for, in words; null for nothing. */
export async function noteWaiting(tx: Tx, waitingFor: string | null): Promise<void> {
  await tx('backfill')
    .whereIn('state', ['searching', 'reading'])
    .whereRaw('waiting_for IS DISTINCT FROM ?', [waitingFor])
    .update({ waitingFor });
}

/** Those that have searched all of their days and have nothing under way any more are done. @returns them */
export async function endBackfills(trx: Tx): Promise<BackfillRow[]> {
  return trx('backfill')
    .where({ state: 'reading' })
    .whereNotExists(
      trx('backfillStudy')
        .whereRaw('backfill_study.backfill_id = backfill.id')
        .whereIn('backfillStudy.state', ['due', 'fetching', 'reading']),
    )
    .update({ state: 'done', waitingFor: null, endedAt: trx.raw('clock_timestamp()') })
    .returning('*');
}

/** Asks for nothing more; what is under way is read to its end. @returns false when it had ended */
export async function stopBackfill(trx: Tx, id: string): Promise<boolean> {
  const count = await trx('backfill')
    .where({ id })
    .whereIn('state', ['searching', 'reading'])
    .update({ state: 'stopped', waitingFor: null, endedAt: trx.raw('clock_timestamp()') });
  return count > 0;
}

/** Its results may leave from now on. @returns false when they might already */
export async function releaseBackfill(trx: Tx, id: string): Promise<boolean> {
  const count = await trx('backfill')
    .where({ id, releasedAt: null })
    .update({ releasedAt: trx.raw('clock_timestamp()') });
  return count > 0;
}

export async function findBackfill(tx: Tx, id: string): Promise<BackfillRow | null> {
  return (await tx('backfill').where({ id }).first('*')) ?? null;
}

/** The newest first. @param prefix of its id; null: all */
export async function findBackfills(tx: Tx, prefix: string | null): Promise<BackfillRow[]> {
  const query = tx('backfill').orderBy('askedAt', 'desc');
  if (prefix !== null) query.whereRaw('id::text LIKE ?', [`${prefix.toLowerCase()}%`]);
  return query.select('*');
}

/** Whether one is to be worked on: without any the loop asks nothing else. */
export async function isAnyBackfillOpen(tx: Tx): Promise<boolean> {
  const { rows } = await tx.raw(
    `SELECT EXISTS (SELECT FROM backfill WHERE state IN ('searching', 'reading'))
         OR EXISTS (SELECT FROM backfill_study WHERE state IN ('fetching', 'reading')) AS is_open`,
  );
  return rows[0].isOpen;
}
