import type { Knex } from 'knex';

/**
 * Who may look: accounts, their sessions, tokens for programs, one-time links, and the count of failed tries. Whatever
 * lets somebody in (session, token, link) is stored as its SHA-256 only: a copy of the database opens no door.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE account (
      id uuid PRIMARY KEY,
      -- As the trail names the person; lower case, so that nobody is there twice.
      name text NOT NULL UNIQUE CHECK (name = lower(name) AND name <> ''),
      role text NOT NULL CHECK (role IN ('viewer', 'radiologist', 'auditor', 'administrator')),
      -- 'oidc': the password is somebody else's business, the role comes with every log-in.
      source text NOT NULL CHECK (source IN ('local', 'oidc')),
      issuer text,
      subject text,
      -- Null until its owner has chosen one by a one-time link; scrypt with its own settings and salt.
      password_hash text,
      disabled_at timestamptz,
      last_login_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      created_by text NOT NULL,
      CHECK ((source = 'oidc') = (issuer IS NOT NULL AND subject IS NOT NULL)),
      CHECK (source = 'local' OR password_hash IS NULL)
    );
    CREATE UNIQUE INDEX account_by_subject ON account (issuer, subject) WHERE source = 'oidc';

    CREATE TABLE access_session (
      id_hash text PRIMARY KEY,
      -- Null before the log-in.
      account_id uuid REFERENCES account (id) ON DELETE CASCADE,
      data jsonb NOT NULL,
      expires_at timestamptz NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX access_session_by_account ON access_session (account_id);
    CREATE INDEX access_session_by_expiry ON access_session (expires_at);

    CREATE TABLE api_token (
      id uuid PRIMARY KEY,
      name text NOT NULL UNIQUE,
      token_hash text NOT NULL UNIQUE,
      role text NOT NULL CHECK (role IN ('viewer', 'radiologist', 'auditor', 'administrator', 'monitor')),
      expires_at timestamptz NOT NULL,
      revoked_at timestamptz,
      last_used_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      created_by text NOT NULL
    );

    CREATE TABLE access_link (
      token_hash text PRIMARY KEY,
      -- 'first': makes the first administrator; 'password': its account's owner chooses one; 'log-in': of the demo.
      purpose text NOT NULL CHECK (purpose IN ('first', 'password', 'log-in')),
      account_id uuid REFERENCES account (id) ON DELETE CASCADE,
      expires_at timestamptz NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      CHECK ((purpose = 'first') = (account_id IS NULL))
    );

    -- One row for whatever is counted: an address, an account, an account at an address.
    CREATE TABLE login_failure (
      kind text NOT NULL CHECK (kind IN ('address', 'account', 'pair')),
      -- SHA-256: people type passwords where names belong.
      subject_hash text NOT NULL,
      failures integer NOT NULL,
      last_at timestamptz NOT NULL,
      locked_until timestamptz NOT NULL,
      PRIMARY KEY (kind, subject_hash)
    );

    -- Signs the cookies of every process of this database.
    CREATE TABLE access_secret (
      only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      secret text NOT NULL
    );
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
