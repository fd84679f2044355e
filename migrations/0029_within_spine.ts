import type { Knex } from 'knex';

/** What the network gave of the region alone, where `probability` is that held against the other discs of the spine. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('ALTER TABLE inference ADD COLUMN alone real CHECK (alone BETWEEN 0 AND 1)');
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
