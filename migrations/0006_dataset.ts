import type { Knex } from 'knex';

/** What research adds: regions and labels drawn by people, and patients who want no part in it. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Never changed: whoever draws again adds a row, and the newest of a reader, case and level counts.
    CREATE TABLE reader_region (
      id uuid PRIMARY KEY,
      -- Of the case, not of a revision: a rectangle stays where it was drawn on the image.
      case_id uuid NOT NULL REFERENCES "case",
      level text NOT NULL CHECK (level IN ('L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1')),
      reader text NOT NULL CHECK (reader <> ''),
      -- null: the reader said where, not what.
      label text CHECK (label IN ('calcified', 'not-calcified', 'indeterminate')),
      sop_instance_uid text NOT NULL,
      -- From 0, in a multi-frame object.
      frame integer NOT NULL,
      centre_patient_mm jsonb NOT NULL,
      -- Stored pixels of that image, as disc_region has them.
      roi_pixel jsonb NOT NULL,
      -- From the drawn box's centre to the slice, and the angle between its sides and the slice's.
      distance_mm double precision NOT NULL,
      turned_degrees double precision NOT NULL,
      -- As the classifier would see it: 224 by 224, 8-bit grey.
      png bytea NOT NULL,
      png_sha256 text NOT NULL,
      -- Of the .mrk.json; its name is not kept, because people write patients' names there.
      file_sha256 text NOT NULL,
      imported_by text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      UNIQUE (case_id, reader, level, file_sha256)
    );
    CREATE INDEX reader_region_newest ON reader_region (case_id, reader, level, created_at DESC);

    CREATE TABLE research_opt_out (
      -- Whoever issued the id: leaving out one too many is the lesser harm.
      patient_id text PRIMARY KEY CHECK (patient_id <> ''),
      recorded_by text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
