import type { Knex } from 'knex';

/**
 * Several agents, each with a data folder of its own: which of them holds the file of an image. A store is a spool
 * folder, by the number that stands in it; whoever works in it holds the session lock of that number
 * (db/server/presence.ts), so PostgreSQL itself says which are open.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE spool_store (
      number integer PRIMARY KEY,
      name text NOT NULL,
      -- What the other agents fetch images from it by; null: they cannot.
      address text,
      opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      -- While it is open, told now and then: since when it is away.
      seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE FUNCTION store_is_open(number integer) RETURNS boolean LANGUAGE sql STABLE AS $$
      SELECT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND classid = 1128354884::oid AND objid = number::oid AND objsubid = 2 AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    $$;
    -- Null: it came before stores were kept; whoever has the file.
    ALTER TABLE instance ADD COLUMN store integer REFERENCES spool_store;
    ALTER TABLE instance_before ADD COLUMN store integer REFERENCES spool_store;
    -- The store with most of a complete series' images: its agent reads it.
    ALTER TABLE series ADD COLUMN holder integer REFERENCES spool_store,
      -- When it was asked of a PACS again, because its holder is away.
      ADD COLUMN asked_again_at timestamptz;
    CREATE INDEX series_by_holder ON series (holder) WHERE holder IS NOT NULL;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
