import { randomBytes } from 'node:crypto';
import type { Tx } from './knex.js';

/** What auditors read by SQL (docs/auditors.md): views without a patient's name or number. */
export const READER_VIEWS = [
  'qa_result',
  'qa_agreement',
  'qa_turnaround',
  'qa_drift',
  'qa_access',
  'qa_people',
] as const;

/**
 * A role that may log in and read these views, which read the tables in their owner's name; one that is there gets a new
 * password. It can change nothing: its transactions are read-only, and it has no right to write.
 * @returns the password
 * @throws the server's error where this account may make no role
 */
export async function createReaderRole(knex: Tx, name: string): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  await knex.transaction(async (trx) => {
    const { rows } = await trx.raw(
      `SELECT quote_ident(:name) AS role, quote_literal(:password) AS password, quote_ident(current_schema()) AS schema,
              quote_ident(current_database()) AS database, EXISTS (SELECT FROM pg_roles WHERE rolname = :name) AS is_there`,
      { name, password },
    );
    const { role, password: literal, schema, database, isThere } = rows[0];
    await trx.raw(`${isThere ? 'ALTER' : 'CREATE'} ROLE ${role} LOGIN PASSWORD ${literal}`);
    await trx.raw(`ALTER ROLE ${role} SET default_transaction_read_only = on`);
    await trx.raw(`GRANT CONNECT ON DATABASE ${database} TO ${role}`);
    await trx.raw(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
    await trx.raw(`GRANT SELECT ON ${READER_VIEWS.join(', ')} TO ${role}`);
  });
  return password;
}
