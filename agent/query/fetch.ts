import type { Logger } from '../../config/log.js';
import type { Database } from '../../db/server/database.js';
import { appendAudit } from '../../db/tables/audit.js';
import { countInstances } from '../../db/tables/instances.js';
import {
  listPriorSeries,
  type PlannedSeries,
  type PriorFetchRow,
  planPriorFetch,
  recordMove,
} from '../../db/tables/priorFetches.js';
import { findSeries } from '../../db/tables/series.js';
import type { WebDoor } from '../dicom/web/door.js';
import { withFinder } from './finder.js';
import type { SeriesMatch } from './matches.js';
import { moveEach } from './moveEach.js';
import { chooseStudies, isSeriesInWindow } from './priors.js';
import type { PriorRule } from './rule.js';
import type { QueryConfig, Source } from './source.js';

export interface FetchContext {
  readonly config: QueryConfig;
  readonly database: Pick<Database, 'knex'>;
  readonly log: Logger;
  readonly fits: PriorRule;
  /** Where what comes by DICOMweb goes in. */
  readonly door?: WebDoor;
  readonly signal: AbortSignal;
}

interface Found {
  readonly studies: number;
  readonly leftOut: number;
  readonly series: readonly SeriesMatch[];
}

/**
 * One attempt: asks the source, writes down what it has, and has it send what is not here yet.
 * @returns in words what came of it
 * @throws CalcidiscError DESTINATION_* when not everything came
 */
export async function fetchPriors(
  context: FetchContext,
  row: PriorFetchRow,
  source: Source,
): Promise<string> {
  const found = await query(context, row, source);
  const plan = await planOf(context, row, found.series);
  await context.database.knex.transaction(async (trx) => {
    await planPriorFetch(trx, row.id, found.studies, plan);
    await appendAudit(trx, {
      event: 'PACS_QUERIED',
      subjectType: 'series',
      subjectId: row.seriesInstanceUid,
      detail: { ...describe(row, source), studies: found.studies, series: found.series.length },
    });
  });
  const wanted = plan.filter(({ state }) => state === 'wanted');
  if (wanted.length > 0) await moveAll(context, row, source, wanted);
  return inWords(row, found, wanted.length);
}

async function query({ config, fits, signal }: FetchContext, row: PriorFetchRow, source: Source) {
  const { timeoutMs, priors } = config.query;
  return withFinder({ source, config, timeoutMs, signal }, async (finder): Promise<Found> => {
    const { patientId, wantedModality: modality, dateFrom: from, dateTo: to } = row;
    const answers = await finder.findStudies({ patientId, modality, from, to });
    const { studies, leftOut } = chooseStudies(row, answers, priors.maxStudies);
    const series: SeriesMatch[] = [];
    for (const study of studies)
      for (const one of await finder.findSeriesOf(study.studyInstanceUid, { modality }))
        if (isSeriesInWindow(row, one) && fits({ source, study, series: one, anchorDate: row.anchorDate }))
          series.push(one);
    return { studies: studies.length, leftOut, series };
  });
}

/** What the index has complete, or an earlier attempt has moved already, is not asked for again. */
async function planOf(
  { database: { knex } }: FetchContext,
  { id }: PriorFetchRow,
  found: readonly SeriesMatch[],
): Promise<PlannedSeries[]> {
  const before = new Map((await listPriorSeries(knex, id)).map((one) => [one.seriesInstanceUid, one.state]));
  const plan: PlannedSeries[] = [];
  for (const { seriesInstanceUid, studyInstanceUid, instances } of found) {
    const known = await findSeries(knex, seriesInstanceUid);
    const have = known === null ? 0 : await countInstances(knex, seriesInstanceUid);
    const isHere = known?.state === 'complete' && have >= (instances ?? 0);
    // Moved by an attempt of before, and perhaps not all in the index yet.
    const isMoved = before.get(seriesInstanceUid) === 'moved' && (known === null || have >= (instances ?? 0));
    const state = isMoved ? 'moved' : isHere ? 'skipped' : 'wanted';
    plan.push({ seriesInstanceUid, studyInstanceUid, expectedInstances: instances, state });
  }
  return plan;
}

/** @throws CalcidiscError the first failure, once all have been asked for */
async function moveAll(
  context: FetchContext,
  row: PriorFetchRow,
  source: Source,
  wanted: readonly PlannedSeries[],
): Promise<void> {
  await moveEach(context, source, wanted, async ({ seriesInstanceUid }, { error, ...counts }) => {
    const state = error === null ? 'moved' : 'failed';
    await recordMove(context.database.knex, row.id, seriesInstanceUid, { state, ...counts });
    return error;
  });
}

/** Ids and UIDs of ours only: the trail has no patient's identifiers. */
export function describe({ wantedModality, dateFrom, dateTo, attempts }: PriorFetchRow, source: Source) {
  const { name, aeTitle, channel } = source;
  const by = channel === 'dimse' ? { aeTitle } : { channel };
  return { purpose: 'prior', source: name, ...by, wantedModality, dateFrom, dateTo, attempts };
}

function inWords({ wantedModality }: PriorFetchRow, found: Found, moved: number): string {
  const left = found.leftOut > 0 ? `; ${found.leftOut} studies farther away left out` : '';
  if (found.series.length === 0) return `no ${wantedModality} within the window${left}`;
  const here = found.series.length - moved;
  return `${moved} series fetched, ${here} here already${left}`;
}
