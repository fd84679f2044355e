import type { Tx } from '../server/knex.js';
import { processOwner } from '../server/presence.js';

export interface AssociationRow {
  readonly id: string;
  readonly callingAe: string;
  readonly calledAe: string;
  readonly remoteAddress: string;
  readonly openedAt: Date;
  readonly endedAt: Date | null;
  readonly endedHow: 'released' | 'aborted' | 'timed-out' | 'lost' | null;
  /** The process it is open in. */
  readonly owner: number;
}

export type NewAssociation = Pick<
  AssociationRow,
  'id' | 'callingAe' | 'calledAe' | 'remoteAddress' | 'openedAt'
>;

/** @returns false when it was there already */
export async function insertAssociation(tx: Tx, association: NewAssociation): Promise<boolean> {
  const { id, callingAe, calledAe, remoteAddress, openedAt } = association;
  const rows = await tx('association')
    .insert({ id, callingAe, calledAe, remoteAddress, openedAt, owner: processOwner })
    .onConflict('id')
    .ignore()
    .returning('id');
  return rows.length > 0;
}

/**
 * The first word about its end stands.
 * @param end `endedAt` absent: now
 * @returns false when it had ended, or was never written down
 */
export async function endAssociation(
  tx: Tx,
  id: string,
  end: { readonly how: NonNullable<AssociationRow['endedHow']>; readonly endedAt?: Date },
): Promise<boolean> {
  const count = await tx('association')
    .where({ id })
    .whereNull('endedAt')
    .update({ endedHow: end.how, endedAt: end.endedAt ?? tx.raw('clock_timestamp()') });
  return count > 0;
}

/** Associations that were open in a process that is gone: call at start and now and then. @returns their ids */
export async function loseDeadAssociations(tx: Tx): Promise<string[]> {
  const rows: { id: string }[] = await tx('association')
    .whereNull('endedAt')
    .whereRaw('NOT process_is_alive(owner)')
    .update({ endedHow: 'lost', endedAt: tx.raw('clock_timestamp()') })
    .returning('id');
  return rows.map(({ id }) => id);
}

export async function findAssociation(tx: Tx, id: string): Promise<AssociationRow | null> {
  return (await tx('association').where({ id }).first('*')) ?? null;
}

/** The associations that brought a series' images. */
export function listAssociationsOfSeries(tx: Tx, seriesInstanceUid: string): Promise<AssociationRow[]> {
  return tx('association')
    .whereIn(
      'id',
      tx('instance').where({ seriesInstanceUid }).whereNotNull('associationId').select('associationId'),
    )
    .orderBy('openedAt')
    .select('*');
}
