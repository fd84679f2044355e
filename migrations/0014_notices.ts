import type { Knex } from 'knex';

/** What is told beside a case's own results: that it waits for a person, that its result is withdrawn. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE notice (
      id uuid PRIMARY KEY,
      case_id uuid NOT NULL REFERENCES "case",
      revision integer NOT NULL,
      kind text NOT NULL CHECK (kind IN ('parked', 'withdrawn')),
      -- Of 'parked': since when; the same case may be parked again.
      occasion timestamptz NOT NULL,
      -- Of 'withdrawn': the report that is taken back.
      report_id uuid REFERENCES report,
      -- Of 'withdrawn': why, in words, and by which reason of PS3.16 CID 7011.
      reason text,
      reason_code text,
      destination text NOT NULL,
      state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'stored', 'parked')),
      attempts integer NOT NULL DEFAULT 0,
      next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      -- The process that sends it (process_is_alive).
      owner integer,
      last_status text,
      last_error_code text,
      last_error text,
      -- As it was sent.
      message bytea,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      stored_at timestamptz,
      UNIQUE (case_id, kind, occasion, destination)
    );
    CREATE INDEX notice_due ON notice (next_attempt_at) WHERE state = 'pending';

    -- Since when a destination is told of parked cases: those that were parked before are old news.
    CREATE TABLE told_since (
      destination text PRIMARY KEY,
      since timestamptz NOT NULL DEFAULT clock_timestamp()
    );
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
