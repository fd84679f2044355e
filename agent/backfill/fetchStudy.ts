import { appendAudit } from '../../db/tables/audit.js';
import {
  type BackfillStudyRow,
  endBackfillStudy,
  type PlannedImages,
  postponeBackfillStudy,
  recordBackfillMove,
  releaseBackfillStudy,
  type StudyEnd,
  studyFetched,
} from '../../db/tables/backfillStudies.js';
import { findBackfill } from '../../db/tables/backfills.js';
import { backoffMs } from '../../db/work/backoff.js';
import { asCalcidiscError, type CalcidiscError } from '../domain/errors.js';
import { moveEach } from '../query/moveEach.js';
import type { Source } from '../query/source.js';
import { type BackfillContext, sourceNamed } from './context.js';
import { findImages, planStudy } from './plan.js';

/** So often a CT that does not come is tried before the study is read without it. */
const CT_ATTEMPTS = 3;

/** One attempt: what of the study is sent for is asked, written down, and then sent for; or it is left out, and why. */
export async function fetchStudy(context: BackfillContext, row: BackfillStudyRow): Promise<void> {
  const { database, log } = context;
  const about = { backfill: row.backfillId, studyInstanceUid: row.studyInstanceUid };
  try {
    const source = sourceNamed(context, (await findBackfill(database.knex, row.backfillId))!.source);
    const found = await findImages(context, row, source);
    const planned =
      'reasonCode' in found ? found : await database.knex.transaction((trx) => planStudy(trx, row, found));
    if ('reasonCode' in planned) {
      log.info({ ...about, ...planned }, 'a study was left out of a backfill');
      return await end(context, row, { state: 'left-out', ...planned });
    }
    await moveAll(context, row, source, planned.plan);
    await writeFetched(context, row, source, planned.plan.length);
    log.info({ ...about, series: planned.plan.length }, 'a study of a backfill was sent for');
  } catch (thrown) {
    await afterFailure(context, row, asCalcidiscError(thrown)).catch((error) =>
      log.error({ ...about, err: error }, 'a study of a backfill could not be written down'),
    );
  }
}

/** One series after the other over one association; a CT that does not come keeps no MR from being read for ever. */
async function moveAll(
  context: BackfillContext,
  row: BackfillStudyRow,
  source: Source,
  plan: readonly PlannedImages[],
): Promise<void> {
  const wanted = plan.filter(({ state }) => state === 'wanted');
  if (wanted.length === 0) return;
  await moveEach(context, source, wanted, async ({ seriesInstanceUid, modality }, { error, ...counts }) => {
    const state = error === null ? 'moved' : 'failed';
    await recordBackfillMove(context.database.knex, row.id, seriesInstanceUid, { state, ...counts });
    if (!error || modality !== 'CT' || row.attempts < CT_ATTEMPTS) return error;
    context.log.warn({ seriesInstanceUid, reason: error.message }, 'a CT of a backfill does not come');
    return null;
  });
}

function writeFetched(
  { database }: BackfillContext,
  row: BackfillStudyRow,
  { name }: Source,
  series: number,
): Promise<void> {
  return database.knex.transaction(async (trx) => {
    if (!(await studyFetched(trx, row.id))) return;
    await appendAudit(trx, {
      event: 'STUDY_FETCHED',
      subjectType: 'study',
      subjectId: row.studyInstanceUid,
      detail: { backfill: row.backfillId, source: name, series, attempts: row.attempts },
    });
  });
}

function end({ database }: BackfillContext, row: BackfillStudyRow, how: StudyEnd): Promise<void> {
  return database.knex.transaction(async (trx) => {
    if (!(await endBackfillStudy(trx, row.id, how))) return;
    const { backfillId: backfill, attempts } = row;
    await appendAudit(trx, {
      event: 'STUDY_LEFT_OUT',
      subjectType: 'study',
      subjectId: row.studyInstanceUid,
      detail: { backfill, attempts, state: how.state, reasonCode: how.reasonCode },
    });
  });
}

async function afterFailure(
  context: BackfillContext,
  row: BackfillStudyRow,
  error: CalcidiscError,
): Promise<void> {
  const { config, database, log, signal } = context;
  if (signal.aborted) return releaseBackfillStudy(database.knex, row.id);
  const { firstRetryMs: firstMs, maxRetryMs: maxMs, giveUpAfterMs } = config.query.priors;
  const { code, message: reason } = error;
  const about = { backfill: row.backfillId, studyInstanceUid: row.studyInstanceUid, code, reason };
  const firstTried = row.firstTriedAt?.getTime() ?? Date.now();
  if (error.permanent || Date.now() - firstTried >= giveUpAfterMs) {
    log.error(about, 'a study of a backfill does not come');
    return end(context, row, { state: 'failed', reasonCode: 'not-sent', reason });
  }
  const delayMs = backoffMs(row.attempts, { firstMs, maxMs });
  await postponeBackfillStudy(database.knex, row.id, error, delayMs);
  log.warn({ ...about, delayMs }, 'a study of a backfill did not come: again');
}
