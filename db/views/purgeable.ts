import type { Tx } from '../server/knex.js';

/** A series of which this store holds files that are old enough. */
export interface OldSeries {
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly images: number;
  readonly bytes: number;
  /** Why its files stay, in words; null: nothing needs them. */
  readonly keptBecause: string | null;
}

/** The first that holds, in order. Every one is a reason to keep, whatever the age. */
export const KEPT_BECAUSE = `CASE
  WHEN EXISTS (SELECT FROM legal_hold h WHERE h.study_instance_uid = s.study_instance_uid AND h.ended_at IS NULL)
    THEN 'a legal hold'
  WHEN s.state <> 'complete' THEN 'it is still arriving'
  WHEN EXISTS (SELECT FROM series_reading r WHERE r.series_instance_uid = s.series_instance_uid
                AND r.content_sha256 = s.content_sha256 AND r.state IN ('due', 'reading'))
    THEN 'it is to be read'
  WHEN EXISTS (SELECT FROM "case" c WHERE c.mr_study_instance_uid = s.study_instance_uid
                AND c.state NOT IN ('delivered', 'closed'))
    THEN 'a case of the study is open'
  WHEN EXISTS (SELECT FROM pairing p JOIN "case" c ON c.id = p.case_id AND c.revision = p.revision
                WHERE p.ct_series_instance_uid = s.series_instance_uid AND c.state NOT IN ('delivered', 'closed'))
    THEN 'the case it is paired with is open'
  WHEN EXISTS (SELECT FROM "case" c JOIN report r ON r.case_id = c.id JOIN delivery d ON d.report_id = r.id
                WHERE c.mr_study_instance_uid = s.study_instance_uid AND d.state NOT IN ('stored'))
    THEN 'a delivery is not done'
END`;

/**
 * Series whose last image came longer ago than `days` and whose files lie in this store, the oldest first.
 * @param only one series, looked at again while its row is locked
 */
export async function listOldSeries(
  tx: Tx,
  { store, days, limit, only = null }: PurgeQuery,
): Promise<OldSeries[]> {
  const { rows } = await tx.raw(
    `SELECT s.series_instance_uid, s.study_instance_uid, f.images, f.bytes, ${KEPT_BECAUSE} AS kept_because
       FROM series s
       JOIN LATERAL (SELECT count(*)::integer AS images, coalesce(sum(size_bytes), 0)::float8 AS bytes FROM instance i
                      WHERE i.series_instance_uid = s.series_instance_uid AND i.purged_at IS NULL
                        AND (i.store IS NULL OR i.store = :store)) f ON f.images > 0
      WHERE s.last_received_at < clock_timestamp() - :days * interval '1 day'
        AND (:only::text IS NULL OR s.series_instance_uid = :only)
      ORDER BY s.last_received_at, s.series_instance_uid LIMIT :limit`,
    { store, days, limit, only },
  );
  return rows;
}

export interface PurgeQuery {
  readonly store: number;
  readonly days: number;
  readonly limit: number;
  readonly only?: string | null;
}

/** The series' files in this store, those that another header has replaced too; relative to the data folder. */
export async function listFilesOf(tx: Tx, seriesInstanceUid: string, store: number): Promise<string[]> {
  const { rows }: { rows: { spoolPath: string }[] } = await tx.raw(
    `SELECT spool_path FROM instance
      WHERE series_instance_uid = :uid AND purged_at IS NULL AND (store IS NULL OR store = :store)
     UNION ALL
     SELECT b.spool_path FROM instance_before b JOIN instance i USING (sop_instance_uid)
      WHERE i.series_instance_uid = :uid AND (b.store IS NULL OR b.store = :store)`,
    { uid: seriesInstanceUid, store },
  );
  return rows.map(({ spoolPath }) => spoolPath);
}

export async function markPurged(trx: Tx, seriesInstanceUid: string, store: number): Promise<void> {
  await trx('instance')
    .where({ seriesInstanceUid })
    .whereNull('purgedAt')
    .whereRaw('(store IS NULL OR store = ?)', [store])
    .update({ purgedAt: trx.raw('clock_timestamp()') });
}
