import type { Tx } from '../server/knex.js';
import {
  BACKFILL_REASONS,
  type BackfillReason,
  type BackfillStudyState,
  countBackfillStudies,
} from '../tables/backfillStudies.js';
import { type BackfillRow, findBackfill } from '../tables/backfills.js';

/** How far a backfill is. */
export interface BackfillProgress {
  readonly backfill: BackfillRow;
  readonly found: number;
  readonly studies: Readonly<Record<BackfillStudyState, number>>;
  readonly reasons: Readonly<Partial<Record<BackfillReason, number>>>;
}

export async function progressOf(tx: Tx, id: string): Promise<BackfillProgress> {
  const counts = await countBackfillStudies(tx, id);
  const studies = { due: 0, fetching: 0, reading: 0, done: 0, 'left-out': 0, failed: 0 };
  const reasons: Partial<Record<BackfillReason, number>> = {};
  for (const { state, reasonCode, studies: count } of counts) {
    studies[state] += count;
    if (reasonCode) reasons[reasonCode] = (reasons[reasonCode] ?? 0) + count;
  }
  const found = Object.values(studies).reduce((sum, count) => sum + count, 0);
  return { backfill: (await findBackfill(tx, id))!, found, studies, reasons };
}

/** Of all that were found, how many are done with, one way or the other. */
export function settledOf({ studies }: BackfillProgress): number {
  return studies.done + studies['left-out'] + studies.failed;
}

/** Why studies were left out or have failed, in words, with their number. */
export function reasonLines(reasons: BackfillProgress['reasons']): string[] {
  return Object.entries(reasons).map(
    ([code, count]) => `${count}: ${BACKFILL_REASONS[code as BackfillReason]}`,
  );
}
