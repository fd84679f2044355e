import type { Tx } from '../server/knex.js';

/** The UUID of this installation, given when its schema was made. */
export async function findInstallationId(tx: Tx): Promise<string> {
  const row = await tx('installation').first('id');
  return row.id;
}
