import type { Tx } from '../server/knex.js';
import type { PurgedWhat } from '../tables/casePurges.js';
import { KEPT_BECAUSE } from './purgeable.js';

/** A case, done long enough ago, of which there is something to delete. */
export interface OldCase {
  readonly caseId: string;
  readonly revision: number;
  /** Pictures, or files. */
  readonly pieces: number;
  readonly bytes: number;
  /** Why it stays, in words; null: nothing needs it. */
  readonly keptBecause: string | null;
}

/** The first that holds, in order. */
const NEEDED = `CASE
  WHEN EXISTS (SELECT FROM legal_hold h WHERE h.ended_at IS NULL AND (h.study_instance_uid = c.mr_study_instance_uid
                OR h.study_instance_uid IN (SELECT s.study_instance_uid FROM pairing p
                     JOIN series s ON s.series_instance_uid = p.ct_series_instance_uid WHERE p.case_id = c.id)))
    THEN 'a legal hold'
  WHEN c.state = 'reported' AND EXISTS (SELECT FROM report r JOIN result t ON t.report_id = r.id
                WHERE r.case_id = c.id AND r.revision = c.revision AND t.mode = 'silent')
    THEN 'it is silent, and may yet be sent'
  WHEN c.state NOT IN ('delivered', 'closed') THEN 'the case is open'
  WHEN EXISTS (SELECT FROM report r JOIN delivery d ON d.report_id = r.id WHERE r.case_id = c.id AND d.state <> 'stored')
    THEN 'a delivery is not done'
  WHEN EXISTS (SELECT FROM report r JOIN delivery d ON d.report_id = r.id
                WHERE r.case_id = c.id AND d.last_error_code IS NOT NULL)
    THEN 'a form that was refused may be sent again'
  WHEN EXISTS (SELECT FROM report r JOIN delivery d ON d.report_id = r.id
                WHERE r.case_id = c.id AND d.commitment IN ('due', 'requested', 'resending'))
    THEN 'its safe keeping is being asked for'
  WHEN EXISTS (SELECT FROM notice n WHERE n.case_id = c.id AND n.state <> 'stored')
    THEN 'somebody has to be told of it'`;

/** What there is of a case, and what else may need it. */
const OF: Readonly<Record<PurgedWhat, { readonly there: string; readonly needed: string }>> = {
  regions: {
    there: `SELECT octet_length(png) AS bytes FROM disc_region WHERE case_id = c.id AND png IS NOT NULL
     UNION ALL
     SELECT octet_length(i.cam) FROM inference i JOIN disc_region r ON r.id = i.disc_region_id
      WHERE r.case_id = c.id AND i.cam IS NOT NULL
     UNION ALL
     SELECT octet_length(slice_png) FROM localisation WHERE case_id = c.id AND slice_png IS NOT NULL`,
    needed: `WHEN EXISTS (SELECT FROM reading_item t JOIN reading_study y ON y.id = t.study_id
                WHERE t.case_id = c.id AND y.closed_at IS NULL)
    THEN 'a reader study shows its discs'`,
  },
  reports: {
    there: `SELECT octet_length(file) AS bytes FROM report WHERE case_id = c.id AND file IS NOT NULL
     UNION ALL
     SELECT octet_length(o.file_gzip) FROM report_object o JOIN report r ON r.id = o.report_id
      WHERE r.case_id = c.id AND o.file_gzip IS NOT NULL
     UNION ALL
     SELECT octet_length(f.message) FROM delivery_form f JOIN delivery d ON d.id = f.delivery_id
       JOIN report r ON r.id = d.report_id WHERE r.case_id = c.id AND f.message IS NOT NULL`,
    needed: '',
  },
};

export interface OldCaseQuery {
  readonly days: number;
  readonly limit: number;
  /** One case, looked at again while its row is locked. */
  readonly only?: string | null;
}

/** Cases that came to their state longer ago than `days` and have something to delete, the oldest first. */
export async function listOldCases(
  tx: Tx,
  what: PurgedWhat,
  { days, limit, only = null }: OldCaseQuery,
): Promise<OldCase[]> {
  const { there, needed } = OF[what];
  const { rows } = await tx.raw(
    `SELECT c.id AS case_id, c.revision, f.pieces, f.bytes, ${NEEDED} ${needed} END AS kept_because
       FROM "case" c
       JOIN LATERAL (SELECT count(*)::integer AS pieces, coalesce(sum(bytes), 0)::float8 AS bytes
                       FROM (${there}) each) f ON f.pieces > 0
      WHERE c.state_since < clock_timestamp() - :days * interval '1 day' AND (:only::uuid IS NULL OR c.id = :only)
      ORDER BY c.state_since, c.id LIMIT :limit`,
    { days, limit, only },
  );
  return rows;
}

/** A series whose readings ended longer ago than `days` and have pictures that no case has of its own. */
export interface OldReading {
  readonly seriesInstanceUid: string;
  readonly pieces: number;
  readonly bytes: number;
  readonly keptBecause: string | null;
}

export async function listOldReadings(
  tx: Tx,
  { days, limit, only = null }: OldCaseQuery,
): Promise<OldReading[]> {
  const { rows } = await tx.raw(
    `SELECT s.series_instance_uid, f.pieces, f.bytes, ${KEPT_BECAUSE} AS kept_because
       FROM series s
       JOIN LATERAL (
         SELECT count(*)::integer AS pieces, coalesce(sum(each.bytes), 0)::float8 AS bytes FROM series_reading d
           JOIN LATERAL (SELECT octet_length(d.slice_png) AS bytes WHERE d.slice_png IS NOT NULL
                          UNION ALL SELECT octet_length(png) FROM series_reading_region WHERE reading_id = d.id) each ON true
          WHERE d.series_instance_uid = s.series_instance_uid AND d.state = 'done' AND d.purged_at IS NULL
            AND d.ended_at < clock_timestamp() - :days * interval '1 day') f ON f.pieces > 0
      WHERE :only::text IS NULL OR s.series_instance_uid = :only
      ORDER BY s.last_received_at, s.series_instance_uid LIMIT :limit`,
    { days, limit, only },
  );
  return rows;
}
