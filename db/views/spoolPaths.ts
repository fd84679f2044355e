import type { Tx } from '../server/knex.js';

/** Where the index says that images lie, relative to the data folder: those that were replaced too. */
export async function listSpoolPaths(tx: Tx): Promise<ReadonlySet<string>> {
  const now: string[] = await tx('instance').whereNull('purgedAt').pluck('spool_path');
  const before: string[] = await tx('instanceBefore').pluck('spool_path');
  return new Set([...now, ...before]);
}
