import type { Knex } from 'knex';

/**
 * What a person said of the levels that were drawn in one reading of a series: the disc drawn as `drawn` is `level`, and
 * the others follow. Rows are added and never changed; the newest one of a reading counts.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE level_decision (
      id uuid PRIMARY KEY,
      case_id uuid NOT NULL REFERENCES "case" (id),
      -- Another reading may have drawn them elsewhere: then nobody has said anything of it.
      reading_id uuid NOT NULL REFERENCES series_reading (id),
      drawn text NOT NULL CHECK (drawn IN ('L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1')),
      level text NOT NULL CHECK (level IN ('L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1')),
      reason text NOT NULL,
      decided_by text NOT NULL,
      decided_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE INDEX level_decision_of_reading ON level_decision (reading_id, decided_at DESC);
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
