import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { projectRoot } from '../../config/root.js';
import { createKnex } from '../../db/server/knex.js';
import { createEmptyDatabase } from './database.js';

/** Of test/fixtures/upgrade: by the last migration that had run. */
export type OlderSchema = '0003' | '0004';

/** A database as an older version of this program left it. @returns its URL */
export async function olderDatabase(schema: OlderSchema): Promise<string> {
  const dump = join(projectRoot, `test/fixtures/upgrade/schema-${schema}.sql.gz`);
  const url = await createEmptyDatabase();
  const knex = createKnex(url, 1);
  try {
    await knex.raw('DROP SCHEMA public CASCADE');
    // Not by knex: a question mark in a dump is no binding.
    const connection = await knex.client.acquireConnection();
    await connection.query(gunzipSync(readFileSync(dump)).toString('utf8'));
    await knex.client.releaseConnection(connection);
    return url;
  } finally {
    await knex.destroy();
  }
}
