import type { Tx } from '../server/knex.js';
import { processOwner } from '../server/presence.js';
import { TAKEN } from '../tables/backfillStudies.js';

/** The backfill that keeps the results of a study here; null when none does. */
export async function backfillKeeping(tx: Tx, studyInstanceUid: string): Promise<string | null> {
  const { rows } = await tx.raw(
    `SELECT b.id FROM backfill_study s JOIN backfill b ON b.id = s.backfill_id AND b.released_at IS NULL
      WHERE s.study_instance_uid = ? AND ${TAKEN} LIMIT 1`,
    [studyInstanceUid],
  );
  return rows[0]?.id ?? null;
}

/** Whether a backfill brought a series, or is bringing it. */
export async function wasBackfilled(tx: Tx, seriesInstanceUid: string): Promise<boolean> {
  const row = await tx('backfillSeries')
    .where({ seriesInstanceUid })
    .whereNot({ state: 'skipped' })
    .first('seriesInstanceUid');
  return row !== undefined;
}

/** How many images the source said a series has that a backfill sends for. */
export async function expectedByBackfill(tx: Tx, seriesInstanceUid: string): Promise<number | null> {
  const row = await tx('backfillSeries')
    .where({ seriesInstanceUid })
    .whereIn('state', ['wanted', 'moved'])
    .max('expectedInstances as expected')
    .first();
  return row?.expected ?? null;
}

/** Whether a backfill has had everything of a study sent, and all of it is in the index. */
export async function isBackfilledWhole(tx: Tx, studyInstanceUid: string): Promise<boolean> {
  const { rows } = await tx.raw(
    `SELECT EXISTS (
       SELECT FROM backfill_study s WHERE s.study_instance_uid = ? AND s.state = 'reading'
          AND NOT EXISTS (
            SELECT FROM backfill_series x LEFT JOIN series i ON i.series_instance_uid = x.series_instance_uid
             WHERE x.backfill_study_id = s.id AND x.state <> 'failed' AND i.state IS DISTINCT FROM 'complete')) AS is_whole`,
    [studyInstanceUid],
  );
  return rows[0].isWhole;
}

/**
 * How many studies have been sent for within the last while and are not at rest yet. One whose process is gone, or that
 * this one could not write down, is nobody's: it is to be taken up.
 * @param running those this process is at
 */
export async function countUnderWay(tx: Tx, withinMs: number, running: readonly string[]): Promise<number> {
  const { rows } = await tx.raw(
    `SELECT count(*)::integer AS studies FROM backfill_study
      WHERE (state = 'fetching' AND process_is_alive(owner) AND (owner <> ? OR id = ANY (?::uuid[])))
         OR (state = 'reading' AND fetched_at > clock_timestamp() - ? * interval '1 millisecond')`,
    [processOwner, [...running], withinMs],
  );
  return rows[0].studies;
}

/** Live work that waits for this machine: what a backfill lets pass. */
export interface LiveWork {
  readonly cases: number;
  readonly readings: number;
  readonly arriving: number;
}

/** @param recentMs a series that a new image came to within so long is arriving */
export async function countLiveWork(tx: Tx, recentMs: number): Promise<LiveWork> {
  const ofBackfill = (study: string) =>
    `EXISTS (SELECT FROM backfill_series x JOIN backfill_study s ON s.id = x.backfill_study_id
              WHERE x.study_instance_uid = ${study} AND s.state IN ('fetching', 'reading'))`;
  const { rows } = await tx.raw(
    `SELECT
       (SELECT count(*)::integer FROM "case" c
         WHERE c.state IN ('received', 'paired', 'located', 'classified')
           AND (c.owner IS NOT NULL OR c.next_attempt_at <= clock_timestamp())
           AND NOT ${ofBackfill('c.mr_study_instance_uid')}) AS cases,
       (SELECT count(*)::integer FROM series_reading r JOIN series i ON i.series_instance_uid = r.series_instance_uid
         WHERE (r.state = 'reading' OR (r.state = 'due' AND r.next_attempt_at <= clock_timestamp()))
           AND NOT ${ofBackfill('i.study_instance_uid')}) AS readings,
       (SELECT count(*)::integer FROM series i
         WHERE i.state = 'receiving' AND i.last_received_at > clock_timestamp() - ? * interval '1 millisecond'
           AND NOT ${ofBackfill('i.study_instance_uid')}) AS arriving`,
    [recentMs],
  );
  return rows[0];
}

/**
 * Studies whose case is at rest are done; one of which everything is here and nothing is to be read was left out; one
 * that has not come to rest within `mostMs` has failed.
 * @returns how many
 */
export async function settleStudies(trx: Tx, mostMs: number): Promise<number> {
  const { rowCount } = await trx.raw(
    `UPDATE backfill_study s SET ended_at = clock_timestamp(), state = f.state, reason_code = f.code, reason = f.reason
       FROM (
         SELECT s.id,
           CASE WHEN c.id IS NOT NULL AND c.state IN ('reported', 'delivered', 'parked', 'closed') THEN 'done'
                WHEN c.id IS NULL AND h.is_here THEN 'left-out' ELSE 'failed' END AS state,
           CASE WHEN c.id IS NOT NULL AND c.state IN ('reported', 'delivered', 'parked', 'closed') THEN NULL
                WHEN c.id IS NULL AND h.is_here THEN 'not-read' ELSE 'not-finished' END AS code,
           CASE WHEN c.id IS NULL AND h.is_here THEN coalesce(h.why, 'nothing of it came') END AS reason
         FROM backfill_study s
         LEFT JOIN "case" c ON c.mr_study_instance_uid = s.study_instance_uid AND c.joined_into IS NULL
         CROSS JOIN LATERAL (
           SELECT coalesce(bool_and(i.state = 'complete' AND i.role NOT IN ('undecided', 'mr')), false) AS is_here,
                  string_agg(DISTINCT i.role_reason, '; ') AS why
             FROM backfill_series x LEFT JOIN series i ON i.series_instance_uid = x.series_instance_uid
            WHERE x.backfill_study_id = s.id AND x.study_instance_uid = s.study_instance_uid) h
         WHERE s.state = 'reading'
           AND (c.state IN ('reported', 'delivered', 'parked', 'closed')
             OR (c.id IS NULL AND h.is_here)
             OR s.fetched_at < clock_timestamp() - ? * interval '1 millisecond')
         FOR UPDATE OF s SKIP LOCKED) f
      WHERE s.id = f.id`,
    [mostMs],
  );
  return rowCount;
}
