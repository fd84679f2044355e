import type { Knex } from 'knex';

/** What each image says that its series is judged by: the role of a series is decided from all of them. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- agent/domain/imageFacts.ts; null for an image that came before this migration, which is read again when it counts.
    ALTER TABLE instance ADD COLUMN facts jsonb;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
