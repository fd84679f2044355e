import type { Knex } from 'knex';

/** What of a case was deleted by policy beside its images: pictures of what was read, files of its reports (agent/retain). */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Null: deleted by policy. Hashes, answers and everything that is not a picture or a file stay.
    ALTER TABLE disc_region ALTER COLUMN png DROP NOT NULL;
    ALTER TABLE report ALTER COLUMN file DROP NOT NULL;
    ALTER TABLE report_object ALTER COLUMN file_gzip DROP NOT NULL;
    -- When its pictures were deleted; who needs them again has the series read again.
    ALTER TABLE series_reading ADD COLUMN purged_at timestamptz;
    -- Rows are added, never changed: of every revision up to this one.
    CREATE TABLE case_purge (
      case_id uuid NOT NULL REFERENCES "case",
      what text NOT NULL CHECK (what IN ('regions', 'reports')),
      revision integer NOT NULL,
      -- The policy: older than so many days.
      days double precision NOT NULL,
      actor text NOT NULL,
      purged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (case_id, what, revision)
    );
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
