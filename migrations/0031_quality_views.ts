import type { Knex } from 'knex';

/**
 * What auditors ask in SQL (docs/auditors.md): five views without a patient's name or number, and what was said of an
 * alarm. They stay; the tables under them may change. A view shows current revisions.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`${RESULT}${AGREEMENT}${TURNAROUND}${DRIFT}${ACCESS}
    CREATE TABLE quality_acknowledgement (
      id uuid PRIMARY KEY,
      -- scope|figure|rule|day, as the page and 'calcidisc quality' name an alarm.
      alarm text NOT NULL,
      -- Whether what is there now is the new base: the chart begins again the day after the alarm.
      is_new_base boolean NOT NULL,
      reason text NOT NULL CHECK (reason <> ''),
      acknowledged_by text NOT NULL,
      acknowledged_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE INDEX quality_acknowledgement_of_alarm ON quality_acknowledgement (alarm, acknowledged_at DESC);
  `);
}

const RESULT = `
    -- One row for each disc and model. ct_label is null where there is no CT or either side doubts its levels.
    CREATE VIEW qa_result AS
      SELECT e.case_id, c.revision, e.state, e.created_at AS received_at, e.accession_number, e.mr_study_instance_uid,
             nullif(e.mr_date, '-infinity') AS mr_date, e.age, e.sex, e.site, e.scanner, e.field_strength_t,
             e.locate_status, e.pairing_outcome, p.ct_acquisition_date AS ct_date, p.interval_days,
             r.level, m.name AS model, m.version AS model_version, i.role, i.probability, i.threshold, i.answer,
             i.reasons, i.calcified, i.distance, i.model_sha256, r.png_sha256, i.created_at AS inferred_at,
             t.label AS ct_label, t.mean_hu AS ct_mean_hu, t.area_mm2 AS ct_area_mm2,
             CASE WHEN i.calcified IS NULL THEN NULL
                  WHEN t.label = 'calcified' THEN CASE WHEN i.calcified THEN 'true-positive' ELSE 'false-negative' END
                  WHEN t.label = 'not-calcified' THEN CASE WHEN i.calcified THEN 'false-positive' ELSE 'true-negative' END
              END AS outcome
        FROM worklist_entry e
        JOIN "case" c ON c.id = e.case_id
        LEFT JOIN pairing p ON p.case_id = c.id AND p.revision = c.revision
        JOIN disc_region r ON r.case_id = c.id AND r.revision = c.revision
        JOIN inference i ON i.disc_region_id = r.id
        JOIN model m ON m.id = i.model_id
        LEFT JOIN localisation lct ON lct.case_id = c.id AND lct.revision = c.revision AND lct.modality = 'CT'
        LEFT JOIN ct_measurement t ON t.case_id = c.id AND t.revision = c.revision AND t.level = r.level
                                  AND e.locate_status = 'located' AND lct.status = 'located';`;

const AGREEMENT = `
    -- Model against CT, by month of the MR, model, level, site and scanner: sums to any coarser table.
    CREATE VIEW qa_agreement AS
      SELECT date_trunc('month', mr_date)::date AS month, model, model_version, role, level, site, scanner,
             count(*) AS discs, count(*) FILTER (WHERE ct_label IN ('calcified', 'not-calcified')) AS with_truth,
             count(*) FILTER (WHERE calcified IS NULL) AS unstated,
             count(*) FILTER (WHERE outcome = 'true-positive') AS true_positive,
             count(*) FILTER (WHERE outcome = 'false-positive') AS false_positive,
             count(*) FILTER (WHERE outcome = 'false-negative') AS false_negative,
             count(*) FILTER (WHERE outcome = 'true-negative') AS true_negative
        FROM qa_result GROUP BY 1, 2, 3, 4, 5, 6, 7;`;

const TURNAROUND = `
    -- From the last image that came to the report in its first destination, and who looked at the case first.
    CREATE VIEW qa_turnaround AS
      SELECT e.case_id, e.accession_number, e.site, e.scanner, e.state, e.locate_status, e.pairing_outcome, mr.first_received_at, mr.last_received_at,
             r.created_at AS reported_at, d.stored_at AS delivered_at,
             extract(epoch FROM r.created_at - mr.last_received_at) AS seconds_to_report,
             extract(epoch FROM d.stored_at - mr.last_received_at) AS seconds_to_delivery,
             seen.at AS first_opened_at, seen.actor AS first_opened_by
        FROM worklist_entry e
        JOIN "case" c ON c.id = e.case_id
        JOIN series mr ON mr.series_instance_uid = c.mr_series_instance_uid
        LEFT JOIN LATERAL (SELECT id, created_at FROM report WHERE case_id = c.id ORDER BY revision LIMIT 1) r ON true
        LEFT JOIN LATERAL (SELECT min(stored_at) AS stored_at FROM delivery WHERE report_id = r.id) d ON true
        LEFT JOIN LATERAL (SELECT at, actor FROM audit_event
                            WHERE subject_type = 'case' AND subject_id = c.id::text AND event = 'CASE_VIEWED'
                            ORDER BY seq LIMIT 1) seen ON true;`;

/** Figures of a study; each is a mean over its discs, or 0 and 1 for no and yes. */
const DRIFT = `
    -- Of each day, site and scanner: how many studies, mean and standard deviation of each figure over the studies.
    CREATE VIEW qa_drift AS
      WITH of_study AS (
        SELECT e.case_id, nullif(e.mr_date, '-infinity') AS day, e.site, e.scanner,
               avg(i.probability) FILTER (WHERE i.role = 'active') AS score,
               (cardinality(e.calcified) > 0)::integer::double precision AS flagged,
               avg((i.calcified IS NULL)::integer) FILTER (WHERE i.role = 'active')::double precision AS unstated,
               (e.locate_status <> 'located')::integer::double precision AS uncertain_levels,
               avg(r.confidence) FILTER (WHERE i.role = 'active') AS confidence,
               avg(i.distance) FILTER (WHERE i.role = 'active')::double precision AS distance,
               abs(avg(i.probability) FILTER (WHERE i.role = 'active') - avg(i.probability) FILTER (WHERE i.role = 'shadow'))
                 AS divergence,
               (e.pairing_outcome = 'paired')::integer::double precision AS with_ct,
               (l.pixel_spacing_mm->>0)::double precision AS spacing_mm
          FROM worklist_entry e
          JOIN "case" c ON c.id = e.case_id
          JOIN localisation l ON l.case_id = c.id AND l.revision = c.revision AND l.modality = 'MR'
          LEFT JOIN disc_region r ON r.case_id = c.id AND r.revision = c.revision
          LEFT JOIN inference i ON i.disc_region_id = r.id
         GROUP BY e.case_id, l.case_id, l.pixel_spacing_mm)
      SELECT day, site, scanner, f.figure, count(f.value) AS studies, avg(f.value) AS mean,
             coalesce(stddev_samp(f.value), 0) AS standard_deviation
        FROM of_study CROSS JOIN LATERAL (VALUES
             ('score', score), ('flagged', flagged), ('unstated', unstated), ('uncertain-levels', uncertain_levels),
             ('confidence', confidence), ('distance', distance), ('divergence', divergence), ('with-ct', with_ct),
             ('spacing', spacing_mm)) AS f (figure, value)
       WHERE day IS NOT NULL AND f.value IS NOT NULL GROUP BY day, site, scanner, f.figure;`;

const ACCESS = `
    -- Who was shown or sent what: a case, a list, the trail.
    CREATE VIEW qa_access AS
      SELECT seq, at, event, actor, subject_type, subject_id AS subject, detail->>'what' AS what,
             detail->>'from' AS address, outcome
        FROM audit_event
       WHERE event IN ('CASE_VIEWED', 'CASES_QUERIED', 'REPORT_DOWNLOADED', 'REPORT_SENT', 'AUDIT_READ',
                       'AUDIT_EXPORTED', 'LOGIN', 'LOGIN_FAILED', 'ACCESS_DENIED');`;

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
