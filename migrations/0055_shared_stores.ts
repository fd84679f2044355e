import type { Knex } from 'knex';

/** Where a data folder lies in the folder that all agents see (agents.sharedFolder): others read its images there. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Relative to the shared folder, which each agent may have mounted elsewhere; null: it does not lie in one.
    ALTER TABLE spool_store ADD COLUMN shared_path text;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
