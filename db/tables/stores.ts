import type { Tx } from '../server/knex.js';

/** A spool folder, and the agent that works in it. */
export interface StoreRow {
  readonly number: number;
  readonly name: string;
  /** What other agents fetch images from it by; null: they cannot. */
  readonly address: string | null;
  /** Where its data folder lies in the folder that all agents see; null: in none. */
  readonly sharedPath: string | null;
  readonly openedAt: Date;
  readonly seenAt: Date;
}

export async function openStore(
  tx: Tx,
  store: Pick<StoreRow, 'number' | 'name' | 'address'> & Partial<Pick<StoreRow, 'sharedPath'>>,
): Promise<void> {
  const now = tx.raw('clock_timestamp()');
  const row = { sharedPath: null, ...store, openedAt: now, seenAt: now };
  await tx('spoolStore').insert(row).onConflict('number').merge();
}

export async function noteStoreSeen(tx: Tx, number: number): Promise<void> {
  await tx('spoolStore')
    .where({ number })
    .update({ seenAt: tx.raw('clock_timestamp()') });
}

export interface ListedStore extends StoreRow {
  readonly isOpen: boolean;
}

export function listStores(tx: Tx): Promise<ListedStore[]> {
  return tx('spoolStore').orderBy('name').select('*', tx.raw('store_is_open(number) AS is_open'));
}

export async function findStore(tx: Tx, number: number): Promise<ListedStore | null> {
  const row = await tx('spoolStore').where({ number }).first('*', tx.raw('store_is_open(number) AS is_open'));
  return row ?? null;
}
