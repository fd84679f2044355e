import type { Tx } from '../server/knex.js';

/** A file that another header has replaced, with its pixels still in it. */
export interface UncutFile {
  readonly id: string;
  /** Relative to the data folder. */
  readonly spoolPath: string;
  readonly transferSyntaxUid: string;
}

/** In this store, replaced longer ago than `sparedMs`, the oldest first. */
export function listUncut(
  tx: Tx,
  store: number | null,
  sparedMs: number,
  limit: number,
): Promise<UncutFile[]> {
  return tx('instanceBefore')
    .whereNull('cutAt')
    .whereRaw('(store IS NULL OR store = ?)', [store])
    .whereRaw("replaced_at <= clock_timestamp() - ? * interval '1 millisecond'", [sparedMs])
    .orderBy('replacedAt')
    .limit(limit)
    .select('id', 'spoolPath', 'transferSyntaxUid');
}

/** @param sizeBytes of what is left; null where it stays as it is */
export async function markCut(tx: Tx, id: string, sizeBytes: number | null): Promise<void> {
  const size = sizeBytes === null ? {} : { sizeBytes };
  await tx('instanceBefore')
    .where({ id })
    .update({ ...size, cutAt: tx.raw('clock_timestamp()') });
}
