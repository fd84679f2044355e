import type { Knex } from 'knex';

/** Images that were taken off the disk by policy, and studies of which nothing may be (agent/retain). */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- When its file was deleted by policy; the row stays, and a copy that comes again lies there again.
    ALTER TABLE instance ADD COLUMN purged_at timestamptz;
    CREATE INDEX series_by_last_image ON series (last_received_at);
    -- Rows are added and ended, never deleted.
    CREATE TABLE legal_hold (
      id uuid PRIMARY KEY,
      study_instance_uid text NOT NULL REFERENCES study,
      reason text NOT NULL,
      set_by text NOT NULL,
      set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      ended_by text,
      ended_at timestamptz
    );
    CREATE INDEX legal_hold_in_force ON legal_hold (study_instance_uid) WHERE ended_at IS NULL;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
