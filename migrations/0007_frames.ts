import type { Knex } from 'knex';

/** Which frame of an enhanced multi-frame object a region lies on: without it a report points at all of them. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- From 1, as ReferencedFrameNumber counts; null for an object that is one image.
    ALTER TABLE disc_region ADD COLUMN frame_number integer CHECK (frame_number > 0);
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
