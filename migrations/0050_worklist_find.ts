import type { Knex } from 'knex';

/**
 * One text that people find cases by: ID, number and name in lower case. Where the server has pg_trgm and lets us use it, an
 * index finds any part of it; else the text is read through, a third of what three columns took.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE worklist_entry ADD COLUMN found_by text
      GENERATED ALWAYS AS (lower(patient_id || E'\\n' || accession_number) || E'\\n' || patient_words) STORED;
    DO $$
    BEGIN
      CREATE EXTENSION IF NOT EXISTS pg_trgm;
      CREATE INDEX worklist_found_by ON worklist_entry USING gin (found_by gin_trgm_ops);
    EXCEPTION
      WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
        RAISE NOTICE 'no pg_trgm here: cases are found by reading through them (%)', SQLERRM;
    END
    $$;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
