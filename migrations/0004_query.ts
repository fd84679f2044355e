import type { Knex } from 'knex';

/** What is fetched from a PACS because a series is complete: a durable unit of work for each series and source. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE prior_fetch (
      id uuid PRIMARY KEY,
      -- The series that asks.
      series_instance_uid text NOT NULL REFERENCES series,
      -- The source's name in the configuration.
      source text NOT NULL,
      patient_id text NOT NULL,
      issuer_of_patient_id text NOT NULL,
      wanted_modality text NOT NULL CHECK (wanted_modality IN ('CT', 'MR')),
      anchor_date date NOT NULL,
      date_from date NOT NULL,
      date_to date NOT NULL,
      state text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'querying', 'moving', 'done', 'failed')),
      -- In words, when it is done or has failed.
      reason text NOT NULL DEFAULT '',
      attempts integer NOT NULL DEFAULT 0,
      next_attempt_at timestamptz NOT NULL DEFAULT now(),
      -- The process that is at it (process_is_alive); null between attempts.
      owner integer,
      last_error_code text,
      last_error text,
      studies_found integer NOT NULL DEFAULT 0,
      series_wanted integer NOT NULL DEFAULT 0,
      series_skipped integer NOT NULL DEFAULT 0,
      series_moved integer NOT NULL DEFAULT 0,
      instances_moved integer NOT NULL DEFAULT 0,
      asked_at timestamptz NOT NULL DEFAULT now(),
      ended_at timestamptz,
      UNIQUE (series_instance_uid, source)
    );
    CREATE INDEX prior_fetch_open ON prior_fetch (next_attempt_at) WHERE state NOT IN ('done', 'failed');
    CREATE INDEX prior_fetch_by_patient ON prior_fetch (patient_id);

    -- The series the source had. No reference to series: until the first image comes there is no row.
    CREATE TABLE prior_fetch_series (
      prior_fetch_id uuid NOT NULL REFERENCES prior_fetch,
      series_instance_uid text NOT NULL,
      study_instance_uid text NOT NULL,
      -- NumberOfSeriesRelatedInstances, where the source said it.
      expected_instances integer,
      -- 'skipped': the index had it already, complete
      state text NOT NULL CHECK (state IN ('skipped', 'wanted', 'moved', 'failed')),
      -- The last C-MOVE's sub-operations and status, four hexadecimal digits.
      completed integer NOT NULL DEFAULT 0,
      failures integer NOT NULL DEFAULT 0,
      status text,
      PRIMARY KEY (prior_fetch_id, series_instance_uid)
    );
    CREATE INDEX prior_fetch_series_by_series ON prior_fetch_series (series_instance_uid);
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
