import type { Knex } from 'knex';

/** Further forms of a report: presentation state and PDF; and the grey in which a slice was read, for the first. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE report_object DROP CONSTRAINT report_object_form_check;
    ALTER TABLE report_object ADD CONSTRAINT report_object_form_check CHECK (form IN ('sc', 'gsps', 'pdf'));

    -- {slope, intercept, low, high, isInverted} (agent/domain/sliceGrey.ts); null for a CT and what was read before.
    ALTER TABLE series_reading ADD COLUMN slice_grey jsonb;
    ALTER TABLE localisation ADD COLUMN slice_grey jsonb;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
