import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import type { Tx } from '../../db/server/knex.js';
import { listAssociationsOfSeries } from '../../db/tables/associations.js';
import { appendAudit } from '../../db/tables/audit.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { listInstances } from '../../db/tables/instances.js';
import { completeSeries, findSeries, lockSeries, type SeriesRow } from '../../db/tables/series.js';
import type { DecideRole } from '../route/rules.js';
import { type CompletenessEvidence, completenessOf } from './completeness.js';
import { judgeComplete } from './role.js';

/** What the next stage does about a series that has just become complete, in the same transaction. */
export type OnSeriesComplete = (trx: Tx, series: SeriesRow) => Promise<readonly CaseRow[]>;

export interface CompleteContext {
  readonly database: Database;
  readonly config: Pick<Config, 'assemble'>;
  readonly dataDir: string;
  readonly decideRole: DecideRole;
  readonly onSeriesComplete: OnSeriesComplete;
}

export type LookResult =
  | { readonly complete: true; readonly series: SeriesRow; readonly wake: readonly CaseRow[] }
  | { readonly complete: false; readonly lookAgainMs: number }
  /** It was complete already, or another process is completing it. */
  | null;

/** Looks at one series: completes it, or says when to look again. */
export async function lookAtSeries(
  context: CompleteContext,
  seriesInstanceUid: string,
  nowMs: number,
): Promise<LookResult> {
  return context.database.knex.transaction(async (trx) => {
    const series = await lockSeries(trx, seriesInstanceUid);
    if (series?.state !== 'receiving') return null;
    const decision = completenessOf(await evidenceOf(trx, series), context.config.assemble, nowMs);
    if (!decision.complete) return decision;
    await completeSeries(trx, seriesInstanceUid, decision.reason);
    await judgeComplete(trx, seriesInstanceUid, context);
    const completed = (await findSeries(trx, seriesInstanceUid))!;
    const wake = await context.onSeriesComplete(trx, completed);
    await auditComplete(trx, completed);
    return { complete: true, series: completed, wake };
  });
}

async function evidenceOf(trx: Tx, series: SeriesRow): Promise<CompletenessEvidence> {
  const instances = await listInstances(trx, series.seriesInstanceUid);
  const associations = await listAssociationsOfSeries(trx, series.seriesInstanceUid);
  return {
    instanceCount: instances.length,
    expectedInstances: series.expectedInstances,
    associations: associations.map(({ endedHow, endedAt }) => ({
      endedHow,
      endedAtMs: endedAt?.getTime() ?? null,
    })),
    slicePositionsMm: instances.map(({ slicePositionMm }) => slicePositionMm),
    isMultiFrame: Number(series.attributes.numberOfFrames ?? 1) > 1,
    lastReceivedMs: series.lastReceivedAt.getTime(),
  };
}

async function auditComplete(trx: Tx, series: SeriesRow): Promise<void> {
  const { seriesInstanceUid, studyInstanceUid, completeReason, role, roleReason, reopened } = series;
  await appendAudit(trx, {
    event: 'SERIES_RECEIVED',
    subjectType: 'series',
    subjectId: seriesInstanceUid,
    detail: { studyInstanceUid, completeReason, role, roleReason, reopened },
  });
}
