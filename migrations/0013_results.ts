import type { Knex } from 'knex';

/** A report in other forms, what each destination has of them, and where a report goes by which rule. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Other DICOM objects that tell a report: made and kept with it, so that a retry sends the same bytes.
    CREATE TABLE report_object (
      report_id uuid NOT NULL REFERENCES report,
      form text NOT NULL CHECK (form IN ('sc')),
      sop_instance_uid text NOT NULL UNIQUE,
      series_instance_uid text NOT NULL,
      sop_class_uid text NOT NULL,
      -- The whole DICOM file, gzip: a picture without compression is mostly black.
      file_gzip bytea NOT NULL,
      -- Of the file itself.
      file_sha256 text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (report_id, form)
    );

    -- What was told, and where it goes. A report of an older version has none: it goes to every destination.
    CREATE TABLE result (
      report_id uuid PRIMARY KEY REFERENCES report,
      -- Everything the report says (agent/report/stored.ts): messages are written from it.
      input jsonb NOT NULL,
      -- null: to be decided by the rules of the moment.
      mode text CHECK (mode IN ('live', 'silent')),
      rule text,
      urgency text NOT NULL DEFAULT 'routine' CHECK (urgency IN ('stat', 'urgent', 'routine')),
      -- [{destination, forms}]
      sends jsonb NOT NULL DEFAULT '[]',
      why text,
      decided_at timestamptz
    );

    -- Each form that a destination has taken.
    CREATE TABLE delivery_form (
      delivery_id uuid NOT NULL REFERENCES delivery,
      form text NOT NULL,
      status text NOT NULL,
      sha256 text NOT NULL,
      -- A message as it was sent; null for what stands in report and report_object.
      message bytea,
      stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (delivery_id, form)
    );
    INSERT INTO delivery_form (delivery_id, form, status, sha256, stored_at)
      SELECT d.id, 'sr', coalesce(d.last_status, '0000'), r.file_sha256, d.stored_at
        FROM delivery d JOIN report r ON r.id = d.report_id WHERE d.state = 'stored' AND d.stored_at IS NOT NULL;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
