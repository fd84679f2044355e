import type { Knex } from 'knex';

/** How far the trail has been sent on by syslog (agent/tell): one row, held by whoever is sending. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE audit_syslog (
      only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      -- The last row that was written to the server's connection.
      seq bigint NOT NULL,
      sent_at timestamptz,
      -- Since the last success, in words.
      last_error text
    );
    INSERT INTO audit_syslog (seq) VALUES (0);
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations go forward only: restore a backup to go back.');
}
