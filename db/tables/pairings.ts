import type { WeighedCt } from '../../agent/domain/pairing.js';
import { json, type Tx } from '../server/knex.js';

export interface PairingRow {
  readonly caseId: string;
  readonly revision: number;
  readonly ctSeriesInstanceUid: string | null;
  /** What was found in that CT; null without one, and for what older versions paired. */
  readonly ctReadingId: string | null;
  /** 'YYYY-MM-DD' */
  readonly mrAcquisitionDate: string | null;
  readonly ctAcquisitionDate: string | null;
  /** CT minus MR, calendar days. */
  readonly intervalDays: number | null;
  /** 'paired', or why there is no CT. */
  readonly outcome: string;
  /** Every CT series of the patient that was weighed, with its verdict. */
  readonly candidates: readonly WeighedCt[];
  readonly createdAt: Date;
}

export type NewPairing = Omit<PairingRow, 'createdAt' | 'ctReadingId'> &
  Partial<Pick<PairingRow, 'ctReadingId'>>;

/** @returns false when the revision has its pairing already: the first one stands */
export async function insertPairing(tx: Tx, pairing: NewPairing): Promise<boolean> {
  const rows = await tx('pairing')
    .insert({ ...pairing, candidates: json(pairing.candidates) })
    .onConflict(['caseId', 'revision'])
    .ignore()
    .returning('caseId');
  return rows.length > 0;
}

/** The cases whose revision of now was paired with a CT series. @returns their ids */
export async function listCasesPairedWith(tx: Tx, ctSeriesInstanceUid: string): Promise<string[]> {
  return tx('pairing')
    .join('case', (join) => join.on('case.id', 'pairing.caseId').on('case.revision', 'pairing.revision'))
    .where({ 'pairing.ctSeriesInstanceUid': ctSeriesInstanceUid })
    .pluck('case.id');
}

export async function findPairing(tx: Tx, caseId: string, revision: number): Promise<PairingRow | null> {
  return (await tx('pairing').where({ caseId, revision }).first('*')) ?? null;
}
