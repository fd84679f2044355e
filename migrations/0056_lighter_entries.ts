import type { Knex } from 'knex';

/**
 * Keeping worklist_entry and the rows of quality costs less: a case that only moves on writes its state, where its whole
 * entry and its quality were made anew; and triggers that no row called do nothing. INSERT ... ON CONFLICT DO UPDATE
 * calls those of INSERT and of UPDATE, of which one has no row.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE OR REPLACE FUNCTION worklist_of_case() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'UPDATE' AND (OLD.revision, OLD.mr_series_instance_uid, OLD.joined_into)
                  IS NOT DISTINCT FROM (NEW.revision, NEW.mr_series_instance_uid, NEW.joined_into)
         -- Its discs have just been written, which no trigger of their own tells of.
         AND NEW.state <> 'located' THEN
        -- Quality knows no states.
        PERFORM set_config('calcidisc.state_alone', 'yes', true);
        UPDATE worklist_entry SET state = NEW.state, state_since = NEW.state_since WHERE case_id = NEW.id;
        PERFORM set_config('calcidisc.state_alone', 'no', true);
      ELSE
        PERFORM worklist_refresh(ARRAY[NEW.id]);
      END IF;
      RETURN NULL;
    END $$;

    CREATE OR REPLACE FUNCTION worklist_of_series() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      ids uuid[] := (SELECT array_agg(id) FROM "case" WHERE mr_series_instance_uid = NEW.series_instance_uid);
    BEGIN
      IF ids IS NOT NULL THEN PERFORM worklist_refresh(ids); END IF;
      RETURN NULL;
    END $$;

    CREATE OR REPLACE FUNCTION written_report_of_entries() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      ids uuid[] := (SELECT array_agg(w.id) FROM written_report w JOIN fresh f
        ON (w.study_instance_uid <> '' AND w.study_instance_uid = f.mr_study_instance_uid)
        OR (w.study_instance_uid = '' AND w.accession_number <> '' AND w.accession_number = f.accession_number)
        WHERE w.matched_study IS NULL);
    BEGIN
      IF ids IS NOT NULL THEN PERFORM written_report_match(ids); END IF;
      RETURN NULL;
    END $$;

    CREATE OR REPLACE FUNCTION quality_of_rows() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      ids uuid[];
    BEGIN
      IF current_setting('calcidisc.state_alone', true) = 'yes' THEN RETURN NULL; END IF;
      ids := (SELECT array_agg(DISTINCT case_id) FROM fresh);
      IF ids IS NOT NULL THEN PERFORM quality_refresh(ids); END IF;
      RETURN NULL;
    END $$;

    CREATE OR REPLACE FUNCTION quality_of_reports() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      ids uuid[] := (SELECT array_agg(DISTINCT e.case_id) FROM fresh
        JOIN worklist_entry e ON e.mr_study_instance_uid = fresh.matched_study);
    BEGIN
      IF ids IS NOT NULL THEN PERFORM quality_refresh(ids); END IF;
      RETURN NULL;
    END $$;

    -- What is packed already is not tried to be packed again.
    ALTER TABLE report_object ALTER COLUMN file_gzip SET STORAGE EXTERNAL;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
