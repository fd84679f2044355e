import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import type { Tx } from '../../db/server/knex.js';
import { listAssociationsOfSeries } from '../../db/tables/associations.js';
import { appendAudit } from '../../db/tables/audit.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { gapBeforeSeries, type InstanceRow, listInstances } from '../../db/tables/instances.js';
import { expectedByFetch } from '../../db/tables/priorFetches.js';
import { findPace, findStudyPace, notePace, noteStudyPace } from '../../db/tables/senderPaces.js';
import { completeSeries, findSeries, lockSeries, type SeriesRow } from '../../db/tables/series.js';
import { expectedByBackfill } from '../../db/views/backfilled.js';
import type { DecideRole } from '../route/rules.js';
import { type CompletenessEvidence, type CompleteReason, completenessOf } from './completeness.js';
import { missingImages } from './missing.js';
import { type Arrival, longestPause } from './pace.js';
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
    const { assemble } = context.config;
    const images = await listInstances(trx, seriesInstanceUid);
    const pauseMs = longestPause(images.map(arrival), assemble.quietPeriodMs);
    const evidence = await evidenceOf(trx, series, images, pauseMs);
    const decision = completenessOf(evidence, assemble, nowMs);
    if (!decision.complete) return decision;
    await completeSeries(trx, seriesInstanceUid, decision.reason, missingOf(decision.reason, evidence));
    const gapMs = series.reopened === 0 ? await gapBeforeSeries(trx, series) : Infinity;
    await judgeComplete(trx, seriesInstanceUid, context);
    const completed = (await findSeries(trx, seriesInstanceUid))!;
    const wake = await context.onSeriesComplete(trx, completed);
    await auditComplete(trx, completed);
    // Last of all: every series of a sender writes the same row, and would wait here for the one before it.
    await notePaces(trx, sendersOf(images), { pauseMs, gapMs, studyQuietMs: assemble.studyQuietMs });
    return { complete: true, series: completed, wake };
  });
}

/** @param gapMs Infinity for a series that came again: it says nothing about how studies come */
async function notePaces(
  trx: Tx,
  senders: readonly string[],
  { pauseMs, gapMs, studyQuietMs }: { pauseMs: number; gapMs: number | null; studyQuietMs: number },
): Promise<void> {
  for (const callingAe of senders) {
    await notePace(trx, callingAe, pauseMs);
    // After so long a pause the study had been answered: no waiting for its first report bears on it.
    if (gapMs === null || gapMs <= studyQuietMs) await noteStudyPace(trx, callingAe, gapMs);
  }
}

/** What a series that is taken as it is lacks, in words. A count, come true or not, says more than any header. */
function missingOf(
  reason: CompleteReason,
  { expectedInstances, instanceCount, missing }: CompletenessEvidence,
): string {
  if (reason === 'counted') return '';
  if (expectedInstances === null || instanceCount >= expectedInstances) return missing ?? '';
  return `by its source ${expectedInstances - instanceCount} of ${expectedInstances} images are not here`;
}

async function evidenceOf(
  trx: Tx,
  series: SeriesRow,
  instances: readonly InstanceRow[],
  pauseMs: number,
): Promise<CompletenessEvidence> {
  const associations = await listAssociationsOfSeries(trx, series.seriesInstanceUid);
  const senders = sendersOf(instances);
  return {
    instanceCount: instances.length,
    // Of a series that we fetch ourselves the source has said it when it was asked for.
    expectedInstances:
      series.expectedInstances ??
      (await expectedByFetch(trx, series.seriesInstanceUid)) ??
      (await expectedByBackfill(trx, series.seriesInstanceUid)),
    associations: associations.map(({ endedHow, endedAt }) => ({
      endedHow,
      endedAtMs: endedAt?.getTime() ?? null,
    })),
    slicePositionsMm: instances.map(({ slicePositionMm }) => slicePositionMm),
    missing: missingImages(instances.map((each) => ({ ...each, extent: each.extent ?? {} }))),
    paceMs: Math.max(pauseMs, await findPace(trx, senders)),
    studiesBefore: (await findStudyPace(trx, senders)).studies,
    isMultiFrame: Number(series.attributes.numberOfFrames ?? 1) > 1,
    lastReceivedMs: series.lastReceivedAt.getTime(),
  };
}

function arrival({ associationId, receivedAt }: InstanceRow): Arrival {
  return { associationId, receivedAtMs: receivedAt.getTime() };
}

/** In one order for everybody: their rows are written. */
function sendersOf(instances: readonly InstanceRow[]): string[] {
  return [...new Set(instances.map(({ callingAe }) => callingAe))].toSorted();
}

async function auditComplete(trx: Tx, series: SeriesRow): Promise<void> {
  const { seriesInstanceUid, studyInstanceUid, completeReason, role, roleReason, reopened, missing } = series;
  await appendAudit(trx, {
    event: 'SERIES_RECEIVED',
    subjectType: 'series',
    subjectId: seriesInstanceUid,
    detail: {
      studyInstanceUid,
      completeReason,
      role,
      roleReason,
      reopened,
      ...(missing ? { missing } : {}),
    },
  });
}
