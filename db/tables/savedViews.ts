import { randomUUID } from 'node:crypto';
import type { Tx } from '../server/knex.js';

/** A worklist by a name of somebody's own. */
export interface SavedViewRow {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  /** As it stands in the worklist's address. */
  readonly query: string;
  readonly createdAt: Date;
}

export function listSavedViews(tx: Tx, accountId: string): Promise<SavedViewRow[]> {
  return tx('savedView').where({ accountId }).orderBy('name').select('*');
}

/** The same name again is the new query. */
export async function saveView(
  tx: Tx,
  view: Pick<SavedViewRow, 'accountId' | 'name' | 'query'>,
): Promise<void> {
  await tx('savedView')
    .insert({ ...view, id: randomUUID() })
    .onConflict(['accountId', 'name'])
    .merge(['query']);
}

export async function deleteView(
  tx: Tx,
  { accountId, name }: Pick<SavedViewRow, 'accountId' | 'name'>,
): Promise<boolean> {
  return (await tx('savedView').where({ accountId, name }).delete()) > 0;
}
