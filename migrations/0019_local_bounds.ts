import type { Knex } from 'knex';

/**
 * A site may set bounds of its own for a model (calcidisc model threshold): they stand beside the card, which stays as
 * it came. Null: the card's. What was answered before keeps the threshold it was answered by (inference.threshold).
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('ALTER TABLE model ADD COLUMN local_bounds jsonb');
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
