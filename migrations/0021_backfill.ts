import type { Knex } from 'knex';

/** A backfill: studies of the past that a PACS is asked for, read and sent nowhere. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE backfill (
      id uuid PRIMARY KEY,
      -- The source's name in the configuration.
      source text NOT NULL,
      -- Study dates, both included.
      date_from date NOT NULL,
      date_to date NOT NULL CHECK (date_to >= date_from),
      state text NOT NULL DEFAULT 'searching' CHECK (state IN ('searching', 'reading', 'done', 'stopped')),
      -- The last study date that the source has been asked for; null before the first.
      searched_to date,
      asked_by text NOT NULL,
      asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      ended_at timestamptz,
      -- Since when its results may leave, because a person said so; null: they stay.
      released_at timestamptz,
      -- In words.
      waiting_for text,
      attempts integer NOT NULL DEFAULT 0,
      next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      -- The process that searches (process_is_alive); null between attempts.
      owner integer,
      last_error_code text,
      last_error text
    );
    CREATE UNIQUE INDEX backfill_asked_once ON backfill (source, date_from, date_to) WHERE state <> 'done';

    CREATE TABLE backfill_study (
      id uuid PRIMARY KEY,
      backfill_id uuid NOT NULL REFERENCES backfill,
      -- No reference to study: until the first image comes there is no row.
      study_instance_uid text NOT NULL,
      study_date date,
      study_description text NOT NULL,
      patient_id text NOT NULL,
      issuer_of_patient_id text NOT NULL,
      -- 'reading': all of it was sent for, and its case is not at rest yet
      state text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'fetching', 'reading', 'done', 'left-out', 'failed')),
      -- Why it was left out or has failed: by kind, to be counted, and in words.
      reason_code text,
      reason text,
      attempts integer NOT NULL DEFAULT 0,
      next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      owner integer,
      last_error_code text,
      last_error text,
      first_tried_at timestamptz,
      fetched_at timestamptz,
      ended_at timestamptz,
      UNIQUE (backfill_id, study_instance_uid)
    );
    CREATE INDEX backfill_study_open ON backfill_study (next_attempt_at) WHERE state IN ('due', 'fetching', 'reading');
    CREATE INDEX backfill_study_by_study ON backfill_study (study_instance_uid);

    -- What the source is asked for on behalf of a study: its MR series, and the patient's CTs.
    CREATE TABLE backfill_series (
      backfill_study_id uuid NOT NULL REFERENCES backfill_study,
      series_instance_uid text NOT NULL,
      study_instance_uid text NOT NULL,
      modality text NOT NULL CHECK (modality IN ('MR', 'CT')),
      -- NumberOfSeriesRelatedInstances, where the source said it.
      expected_instances integer,
      -- 'skipped': the index had it already, complete
      state text NOT NULL CHECK (state IN ('skipped', 'wanted', 'moved', 'failed')),
      completed integer NOT NULL DEFAULT 0,
      failures integer NOT NULL DEFAULT 0,
      status text,
      PRIMARY KEY (backfill_study_id, series_instance_uid)
    );
    CREATE INDEX backfill_series_by_series ON backfill_series (series_instance_uid);
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
