import { CalcidiscError } from '../../agent/domain/errors.js';
import type { Tx } from '../../db/server/knex.js';
import { type BackfillRow, findBackfills } from '../../db/tables/backfills.js';
import { type BackfillProgress, reasonLines } from '../../db/views/backfillProgress.js';

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
    ...reasonLines(reasons).map((line) => `    ${line}`),
    ...(waitingFor && open > 0 ? [`  waits for ${waitingFor}`] : []),
    ...(lastError && state === 'searching' ? [`  the source could not be asked: ${lastError}`] : []),
    releasedAt
      ? `  its results were let go on ${releasedAt.toISOString().slice(0, 10)}`
      : '  sends nothing (`calcidisc backfill release` would)',
  ];
}
