import type { Knex } from 'knex';

/** How a sender sends studies: how many are known, and the longest it lately left between two series of one. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE sender_pace
      ALTER COLUMN gap_ms SET DEFAULT 0,
      ADD COLUMN study_gap_ms double precision NOT NULL DEFAULT 0,
      ADD COLUMN studies integer NOT NULL DEFAULT 0;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
