import type { Knex } from 'knex';

/**
 * What radiologists wrote of the studies that are read here: final reports that came as HL7 (ORU^R01) or in a table, and
 * what their words say of calcification in each disc. A person's correction stands beside what was heard, never over it.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE written_report (
      id uuid PRIMARY KEY,
      source text NOT NULL CHECK (source IN ('hl7', 'csv')),
      -- MSH-10, or the line of the table.
      control_id text NOT NULL,
      -- MSH-3 and MSH-4; '' in a table.
      sender text NOT NULL,
      accession_number text NOT NULL,
      study_instance_uid text NOT NULL,
      patient_id text NOT NULL,
      -- HL7 table 0123: F final, C corrected, P preliminary ...
      status text NOT NULL,
      -- OBR-32 as it was sent; '' where it names nobody.
      signed_by text NOT NULL,
      signed_at timestamptz,
      language text,
      body text NOT NULL,
      -- As it came, whole.
      message text NOT NULL,
      message_sha256 text NOT NULL UNIQUE,
      received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      -- The MR study it is of; null: none of ours, and why.
      matched_study text,
      unmatched_because text
    );
    CREATE INDEX written_report_of_study ON written_report (matched_study, received_at DESC);
    CREATE INDEX written_report_unmatched ON written_report (accession_number) WHERE matched_study IS NULL;

    CREATE TABLE written_report_disc (
      report_id uuid NOT NULL REFERENCES written_report,
      level text NOT NULL CHECK (level IN ('L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1')),
      heard text NOT NULL CHECK (heard IN ('calcified', 'not-calcified', 'not-mentioned')),
      -- From which it was heard; '' for nothing.
      sentence text NOT NULL,
      corrected text CHECK (corrected IN ('calcified', 'not-calcified', 'not-mentioned')),
      corrected_by text,
      corrected_at timestamptz,
      PRIMARY KEY (report_id, level)
    );

    -- Looks for the MR study of reports that have none: by Study UID and patient, else by accession number and patient.
    CREATE FUNCTION written_report_match(ids uuid[]) RETURNS void LANGUAGE sql AS $$
      UPDATE written_report w SET matched_study = f.study, unmatched_because = f.because
        FROM (SELECT o.id, CASE WHEN count(e.case_id) FILTER (WHERE is_same) > 0
                                 AND count(DISTINCT e.mr_study_instance_uid) FILTER (WHERE is_same) = 1
                                THEN min(e.mr_study_instance_uid) FILTER (WHERE is_same) END AS study,
                     CASE WHEN count(e.case_id) = 0 THEN 'no-study'
                          WHEN count(e.case_id) FILTER (WHERE is_same) = 0 THEN 'other-patient'
                          WHEN count(DISTINCT e.mr_study_instance_uid) FILTER (WHERE is_same) > 1 THEN 'several-studies'
                      END AS because
                FROM written_report o
                LEFT JOIN LATERAL (
                  SELECT case_id, mr_study_instance_uid, patient_id = o.patient_id AS is_same FROM worklist_entry
                   WHERE CASE WHEN o.study_instance_uid <> '' THEN mr_study_instance_uid = o.study_instance_uid
                              ELSE o.accession_number <> '' AND accession_number = o.accession_number END) e ON true
               WHERE o.id = ANY(ids) AND o.matched_study IS NULL GROUP BY o.id) f
       WHERE w.id = f.id;
    $$;
    CREATE FUNCTION written_report_of_entries() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM written_report_match((SELECT array_agg(w.id) FROM written_report w JOIN fresh f
        ON (w.study_instance_uid <> '' AND w.study_instance_uid = f.mr_study_instance_uid)
        OR (w.study_instance_uid = '' AND w.accession_number <> '' AND w.accession_number = f.accession_number)
        WHERE w.matched_study IS NULL));
      RETURN NULL;
    END $$;
    CREATE TRIGGER written_report_new_entry AFTER INSERT ON worklist_entry REFERENCING NEW TABLE AS fresh
      FOR EACH STATEMENT EXECUTE FUNCTION written_report_of_entries();
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
