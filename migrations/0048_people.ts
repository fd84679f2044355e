import type { Knex } from 'knex';

/**
 * Who opened results, when, and what they said of them, beside the time at which the written report was signed: the view
 * qa_people (docs/auditors.md). It keeps nothing: reports, deliveries, the trail and verdicts say it all.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE VIEW qa_people AS
      WITH result AS (
        SELECT e.case_id, e.accession_number, nullif(e.mr_date, '-infinity') AS mr_date, e.site, e.scanner,
               r.result_at, r.delivered_at, w.signed_at,
               CASE WHEN w.study IS NULL THEN 'no-report'
                    WHEN b.study IS NOT NULL THEN 'backfill'
                    WHEN w.signed_at IS NULL THEN 'no-time'
                    WHEN r.delivered_at IS NULL THEN 'undelivered'
                    WHEN r.delivered_at < w.signed_at THEN 'before' ELSE 'after' END AS there
          FROM worklist_entry e
          JOIN (SELECT p.case_id, min(p.created_at) AS result_at, min(d.stored_at) AS delivered_at
                  FROM report p LEFT JOIN delivery d ON d.report_id = p.id GROUP BY 1) r ON r.case_id = e.case_id
          -- The first that was signed: a correction comes when everybody has read it.
          LEFT JOIN (SELECT matched_study AS study, min(signed_at) AS signed_at FROM written_report
                      WHERE status IN ('F', 'C') AND matched_study IS NOT NULL GROUP BY 1) w
            ON w.study = e.mr_study_instance_uid
          LEFT JOIN (SELECT DISTINCT s.study_instance_uid AS study FROM backfill_study s
                       JOIN backfill_series x ON x.backfill_study_id = s.id AND x.study_instance_uid = s.study_instance_uid
                      WHERE s.state IN ('fetching', 'reading', 'done', 'failed')) b
            ON b.study = e.mr_study_instance_uid),
      look AS (
        -- A program that asks for results by its token is nobody who reads one.
        SELECT r.case_id, a.actor AS person, min(a.at) AS opened_at
          FROM result r
          JOIN audit_event a ON a.subject_type = 'case' AND a.subject_id = r.case_id::text AND a.at >= r.result_at
         WHERE a.event IN ('CASE_VIEWED', 'REPORT_DOWNLOADED') AND a.actor NOT LIKE 'token:%' GROUP BY 1, 2),
      word AS (
        SELECT case_id, person, max(received_at) AS verdict_at,
               CASE WHEN bool_or(verdict = 'rejected') THEN 'rejected'
                    WHEN bool_or(verdict <> 'added' AND (level IS NOT NULL OR box IS NOT NULL)) THEN 'moved'
                    WHEN bool_or(verdict = 'confirmed') THEN 'accepted' ELSE 'unclear' END AS verdict
          FROM (SELECT DISTINCT ON (case_id, via, reader, disc) case_id, verdict, level, box, received_at,
                       CASE via WHEN 'page' THEN 'user:' ELSE 'document:' END || reader AS person
                  FROM reader_verdict ORDER BY case_id, via, reader, disc, received_at DESC, heard_at DESC) newest
         GROUP BY 1, 2)
      SELECT r.case_id, r.accession_number, r.mr_date, r.site, r.scanner, r.result_at, r.delivered_at, r.signed_at, r.there,
             CASE WHEN r.there IN ('before', 'after')
                  THEN extract(epoch FROM r.signed_at - r.delivered_at)::double precision END AS seconds_before_signing,
             coalesce(p.person, '') AS person, p.opened_at,
             extract(epoch FROM p.opened_at - r.result_at)::double precision AS seconds_to_open,
             CASE WHEN p.opened_at IS NULL OR r.there NOT IN ('before', 'after', 'undelivered') THEN NULL
                  WHEN p.opened_at < r.signed_at THEN 'before-signing' ELSE 'after-signing' END AS opened,
             p.verdict, p.verdict_at,
             extract(epoch FROM p.verdict_at - r.result_at)::double precision AS seconds_to_verdict
        FROM result r LEFT JOIN (look FULL JOIN word USING (case_id, person)) p ON p.case_id = r.case_id;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
