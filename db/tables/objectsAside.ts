import { randomUUID } from 'node:crypto';
import type { Tx } from '../server/knex.js';

/** Another object under a known SOP Instance UID: not taken over, kept aside for a person. */
export interface ObjectAsideRow {
  readonly id: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly datasetSha256: string;
  readonly callingAe: string;
  readonly reason: string;
  readonly receivedAt: Date;
}

export type NewObjectAside = Omit<ObjectAsideRow, 'id'>;

/** The same object again is no second one. @returns false then */
export async function insertAside(trx: Tx, object: NewObjectAside): Promise<boolean> {
  const rows = await trx('objectAside')
    .insert({ ...object, id: randomUUID() })
    .onConflict(['sopInstanceUid', 'datasetSha256'])
    .ignore()
    .returning('id');
  return rows.length > 0;
}

/** Of one study, the oldest first. */
export function listAside(tx: Tx, studyInstanceUid: string): Promise<ObjectAsideRow[]> {
  return tx('objectAside')
    .where({ studyInstanceUid })
    .orderBy('receivedAt')
    .orderBy('sopInstanceUid')
    .select('*');
}
