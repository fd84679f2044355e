import { CalcidiscError } from '../../agent/domain/errors.js';
import type { Tx } from '../../db/server/knex.js';
import {
  BACKFILL_REASONS,
  type BackfillReason,
  type BackfillStudyState,
  countBackfillStudies,
} from '../../db/tables/backfillStudies.js';
import { type BackfillRow, findBackfill, findBackfills } from '../../db/tables/backfills.js';

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

/**
 * @param prefix of its id; absent: the newest
 * @throws CalcidiscError BACKFILL_NOT_FOUND, BACKFILL_REFUSED where more than one begins so
 */
export async function namedBackfill(tx: Tx, prefix: string | undefined): Promise<BackfillRow> {
  const [first, second] = await findBackfills(tx, prefix ?? null);
  if (!first)
    throw new CalcidiscError(
      'BACKFILL_NOT_FOUND',
      prefix ? `there is no backfill ${prefix}` : 'there is none',
    );
  if (prefix && second)
    throw new CalcidiscError(
      'BACKFILL_REFUSED',
      `more than one backfill begins with ${prefix}: give more of its id`,
    );
  return first;
}

export function progressLines(progress: BackfillProgress): string[] {
  const { backfill, found, studies, reasons } = progress;
  const { id, source, dateFrom, dateTo, state, searchedTo, waitingFor, lastError, releasedAt } = backfill;
  const searched =
    searchedTo === dateTo ? 'all days asked for' : `asked for up to ${searchedTo ?? 'no day yet'}`;
  const open = studies.due + studies.fetching + studies.reading;
  return [
    `Backfill ${id.slice(0, 8)}: MR studies of ${dateFrom} to ${dateTo} at ${source}; ${state}, ${searched}`,
    `  ${found} studies found: ${studies.done} read, ${studies['left-out']} left out, ${studies.failed} failed, ${open} to go`,
    ...reasonLines(reasons),
    ...(waitingFor && open > 0 ? [`  waits for ${waitingFor}`] : []),
    ...(lastError && state === 'searching' ? [`  the source could not be asked: ${lastError}`] : []),
    releasedAt
      ? `  its results were let go on ${releasedAt.toISOString().slice(0, 10)}`
      : '  sends nothing (`calcidisc backfill release` would)',
  ];
}

export function reasonLines(reasons: BackfillProgress['reasons']): string[] {
  return Object.entries(reasons).map(
    ([code, count]) => `    ${count}: ${BACKFILL_REASONS[code as BackfillReason]}`,
  );
}
