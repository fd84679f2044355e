import { appendAudit } from '../../db/tables/audit.js';
import { insertFoundStudies } from '../../db/tables/backfillStudies.js';
import { type BackfillRow, leaveSearch, searchedUpTo } from '../../db/tables/backfills.js';
import { backoffMs } from '../../db/work/backoff.js';
import { asCalcidiscError, type CalcidiscError } from '../domain/errors.js';
import { withFinder } from '../query/finder.js';
import type { StudyMatch } from '../query/matches.js';
import { addDays } from '../query/priors.js';
import { type BackfillContext, sourceNamed } from './context.js';

/** Days of one association: then others have their turn. */
const DAYS_AT_ONCE = 31;

/**
 * Asks the source for the MR studies of the next days, one day after the other, so that no answer is large; each day is
 * written down with what it had, so that a process that is killed asks for it once more and finds nothing twice.
 */
export async function searchOn(context: BackfillContext, row: BackfillRow): Promise<void> {
  const { config, database, log, signal } = context;
  const about = { backfill: row.id, source: row.source };
  try {
    const source = sourceNamed(context, row.source);
    const { timeoutMs } = config.query;
    await withFinder({ source, config, timeoutMs, signal }, async (finder) => {
      let day = row.searchedTo === null ? row.dateFrom : addDays(row.searchedTo, 1);
      for (let i = 0; i < DAYS_AT_ONCE && day <= row.dateTo && !signal.aborted; i++) {
        const range = { patientId: '', modality: 'MR', from: day, to: day };
        const found = await finder.findStudies(range);
        const fitting = found.filter(
          ({ modalities, studyDate }) =>
            (modalities.length === 0 || modalities.includes('MR')) &&
            (studyDate === null || studyDate === day),
        );
        if (!(await writeDown(context, row, day, fitting))) return;
        log.debug({ ...about, day, studies: fitting.length }, 'a day of a backfill was asked for');
        day = addDays(day, 1);
      }
    });
    await leaveSearch(database.knex, row.id, 0, null);
  } catch (thrown) {
    await afterFailure(context, row, asCalcidiscError(thrown));
  }
}

function writeDown(
  { database }: BackfillContext,
  row: BackfillRow,
  day: string,
  found: readonly StudyMatch[],
): Promise<boolean> {
  return database.knex.transaction(async (trx) => {
    if (!(await searchedUpTo(trx, row.id, day))) return false;
    await insertFoundStudies(
      trx,
      row.id,
      found.map(({ studyInstanceUid, studyDescription, patientId, issuerOfPatientId }) => ({
        studyInstanceUid,
        studyDescription,
        patientId,
        issuerOfPatientId,
        studyDate: day,
      })),
    );
    await appendAudit(trx, {
      event: 'PACS_QUERIED',
      subjectType: 'backfill',
      subjectId: row.id,
      detail: { purpose: 'backfill', source: row.source, day, studies: found.length },
    });
    return true;
  });
}

/** A source that does not answer is asked again; a person who waits for it reads why. */
async function afterFailure(
  { config, database, log, signal }: BackfillContext,
  row: BackfillRow,
  error: CalcidiscError,
): Promise<void> {
  if (signal.aborted) return leaveSearch(database.knex, row.id, 0, null);
  const { firstRetryMs: firstMs, maxRetryMs: maxMs } = config.query.priors;
  const delayMs = backoffMs(row.attempts, { firstMs, maxMs });
  await leaveSearch(database.knex, row.id, delayMs, error);
  const about = { backfill: row.id, source: row.source, code: error.code, reason: error.message, delayMs };
  log.warn(about, 'the source of a backfill could not be asked: again');
}
