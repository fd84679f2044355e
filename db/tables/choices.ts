import type { ReadingStatus } from '../../agent/domain/locateStatuses.js';
import { json, type Tx } from '../server/knex.js';

/** One series of the study that may be read, and what became of it. */
export interface ChoiceCandidate {
  readonly seriesInstanceUid: string;
  readonly seriesNumber: number | null;
  readonly seriesDescription: string;
  /** 'T2', 'T2-FS' ... (docs/routing.md) */
  readonly contrast: string;
  readonly status: ReadingStatus;
  readonly reasons: readonly string[];
  readonly verdict: 'chosen' | 'passed-over' | 'check-only';
  /** In words, why it was passed over; '' for the chosen one. */
  readonly why: string;
}

/** What several series of one frame of reference say of the same levels. */
export interface ChoiceAgreement {
  /** Series whose levels lie where the chosen one's do, with the median distance. */
  readonly agrees: readonly { readonly seriesInstanceUid: string; readonly medianMm: number }[];
  /** In words, what speaks against the levels; [] when nothing does. */
  readonly doubts: readonly string[];
}

/** Which series of its MR study a revision reads. */
export interface ChoiceRow {
  readonly caseId: string;
  readonly revision: number;
  readonly seriesInstanceUid: string;
  readonly readingId: string;
  readonly candidates: readonly ChoiceCandidate[];
  readonly agreement: ChoiceAgreement;
  readonly createdAt: Date;
}

export type NewChoice = Omit<ChoiceRow, 'createdAt'>;

/** @returns false when the revision has its choice already: the first one stands */
export async function insertChoice(trx: Tx, choice: NewChoice): Promise<boolean> {
  const { candidates, agreement } = choice;
  const rows = await trx('seriesChoice')
    .insert({ ...choice, candidates: json(candidates), agreement: json(agreement) })
    .onConflict(['caseId', 'revision'])
    .ignore()
    .returning('caseId');
  return rows.length > 0;
}

export async function findChoice(tx: Tx, caseId: string, revision: number): Promise<ChoiceRow | null> {
  return (await tx('seriesChoice').where({ caseId, revision }).first('*')) ?? null;
}
