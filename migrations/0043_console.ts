import type { Knex } from 'knex';

/**
 * What people do on the page: readers' words about discs that come from there, worklists by a name of their own, and links
 * by which another system opens one study.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- 'page': an account of ours said it on the page; there is no document then, sop_instance_uid groups what was said at
    -- once, and dataset_sha256 is of the words themselves.
    ALTER TABLE reader_verdict ADD COLUMN via text NOT NULL DEFAULT 'document' CHECK (via IN ('document', 'page'));

    CREATE TABLE saved_view (
      id uuid PRIMARY KEY,
      account_id uuid NOT NULL REFERENCES account (id) ON DELETE CASCADE,
      name text NOT NULL CHECK (name <> ''),
      -- What the worklist was asked, as it stands in its address.
      query text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (account_id, name)
    );

    -- Good once, for minutes, for one study alone; kept by the SHA-256 of the token in it.
    CREATE TABLE study_launch (
      token_hash text PRIMARY KEY,
      study_instance_uid text NOT NULL,
      -- The program that asked for it, and for whom by its own word; '' for nobody.
      made_by text NOT NULL,
      person text NOT NULL,
      expires_at timestamptz NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX study_launch_by_expiry ON study_launch (expires_at);
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
