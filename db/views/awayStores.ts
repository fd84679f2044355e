import type { Tx } from '../server/knex.js';

/** A series that somebody waits for: it is to be read, or its case is not answered yet. */
const WANTED = `(
  EXISTS (SELECT FROM series_reading r WHERE r.series_instance_uid = s.series_instance_uid
           AND r.content_sha256 = s.content_sha256 AND r.state IN ('due', 'reading'))
  OR EXISTS (SELECT FROM "case" c WHERE c.mr_series_instance_uid = s.series_instance_uid
              AND c.state IN ('received', 'paired', 'located', 'classified')))`;

/**
 * Nobody reads the images of holder `h` for series `s`: it is not there, and they do not lie in a folder that others
 * see, or were looked for there in vain.
 */
const OUT_OF_REACH = `NOT store_is_open(h.number) AND (h.shared_path IS NULL OR EXISTS (
  SELECT FROM series_reading v WHERE v.series_instance_uid = s.series_instance_uid AND v.state <> 'done'
     AND v.last_error_code = 'HOLDER_AWAY'))`;

export interface AwayStore {
  readonly number: number;
  readonly name: string;
  readonly seenAt: Date;
  /** How many series of it are waited for. */
  readonly series: number;
}

/** Agents that are not there and hold images that are waited for. */
export async function listAwayStores(tx: Tx): Promise<AwayStore[]> {
  const { rows } = await tx.raw(
    `SELECT h.number, h.name, h.seen_at, count(*)::integer AS series
       FROM spool_store h JOIN series s ON s.holder = h.number
      WHERE ${OUT_OF_REACH} AND ${WANTED}
      GROUP BY h.number, h.name, h.seen_at ORDER BY h.name`,
  );
  return rows;
}

/** Of these series the holders that are away, by the series. */
export async function awayHolders(
  tx: Tx,
  seriesInstanceUids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows: { seriesInstanceUid: string; name: string }[] = await tx('series as s')
    .join('spoolStore as h', 'h.number', 's.holder')
    .whereIn('s.seriesInstanceUid', [...seriesInstanceUids])
    .whereRaw(OUT_OF_REACH)
    .select('s.seriesInstanceUid', 'h.name');
  return new Map(rows.map(({ seriesInstanceUid, name }) => [seriesInstanceUid, name]));
}

export interface AbandonedSeries {
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly holder: number;
}

/**
 * Takes series that are waited for, and whose holder has been away for longer than `awayMs`, to ask a PACS for them
 * again: each for one agent, and not again before `againMs`.
 */
export async function claimAbandoned(
  tx: Tx,
  awayMs: number,
  againMs: number,
  limit: number,
): Promise<AbandonedSeries[]> {
  const { rows } = await tx.raw(
    `UPDATE series SET asked_again_at = clock_timestamp()
      WHERE series_instance_uid IN (
        SELECT s.series_instance_uid FROM series s JOIN spool_store h ON h.number = s.holder
         WHERE ${OUT_OF_REACH}
           AND h.seen_at < clock_timestamp() - :away * interval '1 millisecond'
           AND (s.asked_again_at IS NULL OR s.asked_again_at < clock_timestamp() - :again * interval '1 millisecond')
           AND ${WANTED}
         ORDER BY s.series_instance_uid LIMIT :limit FOR UPDATE OF s SKIP LOCKED)
      RETURNING series_instance_uid, study_instance_uid, holder`,
    { away: awayMs, again: againMs, limit },
  );
  return rows;
}
