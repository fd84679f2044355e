import { randomUUID } from 'node:crypto';
import type { Tx } from '../server/knex.js';

export interface LegalHoldRow {
  readonly id: string;
  readonly studyInstanceUid: string;
  readonly reason: string;
  readonly setBy: string;
  readonly setAt: Date;
}

export async function setLegalHold(
  trx: Tx,
  hold: Pick<LegalHoldRow, 'studyInstanceUid' | 'reason' | 'setBy'>,
): Promise<void> {
  await trx('legalHold').insert({ id: randomUUID(), ...hold });
}

/** @returns how many holds of the study were in force */
export async function endLegalHolds(trx: Tx, studyInstanceUid: string, endedBy: string): Promise<number> {
  return trx('legalHold')
    .where({ studyInstanceUid })
    .whereNull('endedAt')
    .update({ endedBy, endedAt: trx.raw('clock_timestamp()') });
}

export function listLegalHolds(tx: Tx): Promise<LegalHoldRow[]> {
  return tx('legalHold')
    .whereNull('endedAt')
    .orderBy('setAt')
    .select('id', 'studyInstanceUid', 'reason', 'setBy', 'setAt');
}
