import type { Knex } from 'knex';

/** A case that waits says what for: nothing is wrong with it, and nothing will happen until that is there. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- In words for a person; null while its step is due or running.
    ALTER TABLE "case" ADD COLUMN waits_for text;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
