import type { Tx } from '../../db/server/knex.js';
import { endAssociation, insertAssociation } from '../../db/tables/associations.js';
import type { ReadInstance } from './rows.js';

/**
 * A file can outlive the row of the association that brought it: a running receiver writes that row first, so one
 * that is missing belonged to a process that was killed, and is written down as lost.
 */
export async function ensureKnownAssociations(trx: Tx, read: readonly ReadInstance[]): Promise<void> {
  const seen = new Set<string>();
  for (const { file } of read) {
    if (file.associationId === null || seen.has(file.associationId)) continue;
    seen.add(file.associationId);
    const isNew = await insertAssociation(trx, {
      id: file.associationId,
      callingAe: file.callingAe,
      calledAe: '',
      remoteAddress: '',
      openedAt: file.receivedAt,
    });
    if (isNew) await endAssociation(trx, file.associationId, { how: 'lost' });
  }
}
