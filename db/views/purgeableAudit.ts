import type { Tx } from '../server/knex.js';

/** How far the trail is old enough, and what of that is needed. */
export interface OldTrail {
  /** The first row that is there; null: the trail is empty. */
  readonly from: number | null;
  /** The last row that is old enough; null: none is. */
  readonly oldThrough: number | null;
  /** The first row that something needs, and what; null: nothing does. */
  readonly neededFrom: number | null;
  readonly neededBecause: string | null;
}

/**
 * A chain has a beginning, so what something needs keeps all that comes after it: rows of a study under a legal hold, its
 * series, cases and reports; of open cases; and, where the trail is sent on, what has not been.
 * @param isSentOn whether there is a syslog server
 */
export async function readOldTrail(tx: Tx, days: number, isSentOn: boolean): Promise<OldTrail> {
  const { rows } = await tx.raw(
    `WITH held (study, because) AS (
       SELECT study_instance_uid, 'a legal hold' FROM legal_hold WHERE ended_at IS NULL
       UNION ALL
       SELECT c.mr_study_instance_uid, 'a case that is open' FROM "case" c
        WHERE c.state NOT IN ('delivered', 'closed') AND NOT (c.state = 'reported' AND EXISTS (
          SELECT FROM report r JOIN result t ON t.report_id = r.id
           WHERE r.case_id = c.id AND r.revision = c.revision AND t.mode = 'silent'))),
     subject (type, id, because) AS (
       SELECT 'study', study, because FROM held
       UNION ALL SELECT 'series', s.series_instance_uid, because FROM held JOIN series s ON s.study_instance_uid = study
       UNION ALL SELECT 'case', c.id::text, because FROM held JOIN "case" c ON c.mr_study_instance_uid = study
       UNION ALL SELECT 'report', r.sop_instance_uid, because FROM held JOIN "case" c ON c.mr_study_instance_uid = study
                   JOIN report r ON r.case_id = c.id),
     needed AS (
       SELECT f.seq, s.because FROM subject s JOIN LATERAL (
         SELECT min(seq) AS seq FROM audit_event e WHERE e.subject_type = s.type AND e.subject_id = s.id) f ON f.seq IS NOT NULL
       UNION ALL
       SELECT y.seq + 1, 'not sent to the syslog server yet' FROM audit_syslog y WHERE :isSentOn
       ORDER BY 1 LIMIT 1)
     SELECT (SELECT min(seq) FROM audit_event) AS "from",
            (SELECT max(seq) FROM audit_event WHERE at < clock_timestamp() - :days * interval '1 day') AS old_through,
            n.seq AS needed_from, n.because AS needed_because
       FROM (VALUES (1)) one LEFT JOIN needed n ON true`,
    { days, isSentOn },
  );
  return rows[0];
}
