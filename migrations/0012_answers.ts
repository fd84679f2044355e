import type { Knex } from 'knex';

/**
 * Four answers instead of two: a network may say that it cannot tell (indeterminate), or that the region is unlike what it
 * learnt from (not-assessable). Neither is "not calcified", so `calcified` is null for both.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE inference
      ADD COLUMN answer text
        CHECK (answer IN ('calcified', 'not-calcified', 'indeterminate', 'not-assessable')),
      -- Why nothing is stated: a list of sentences, empty where something is.
      ADD COLUMN reasons jsonb NOT NULL DEFAULT '[]',
      -- Of the region's features from those that the network learnt from; null where it does not say.
      ADD COLUMN distance real;
    UPDATE inference SET answer = CASE WHEN calcified THEN 'calcified' ELSE 'not-calcified' END;
    ALTER TABLE inference ALTER COLUMN answer SET NOT NULL;
    ALTER TABLE inference DROP COLUMN calcified;
    ALTER TABLE inference ADD COLUMN calcified boolean
      GENERATED ALWAYS AS (CASE answer WHEN 'calcified' THEN true WHEN 'not-calcified' THEN false END) STORED;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
