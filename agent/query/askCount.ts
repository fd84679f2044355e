import type { Database } from '../../db/server/database.js';
import { listAssociationsOfSeries } from '../../db/tables/associations.js';
import { appendAudit } from '../../db/tables/audit.js';
import { countInstances, listSenders } from '../../db/tables/instances.js';
import { lockSeries, type SeriesRow, updateSeries } from '../../db/tables/series.js';
import { asCalcidiscError } from '../domain/errors.js';
import { type CountPolicy, isBelieved } from './countPolicy.js';
import { withFinder } from './finder.js';
import { type QueryConfig, type Source, sendsAs } from './source.js';
import type { SourceSilence } from './sourceSilence.js';

export interface CountContext {
  readonly config: QueryConfig;
  readonly knex: Database['knex'];
  readonly silence: SourceSilence;
  readonly signal: AbortSignal;
}

export interface CountAnswer {
  readonly count: number;
  readonly source: string;
}

/** The largest answer of the sources that may have the series; null when none knows it. */
export async function askCount(context: CountContext, series: SeriesRow): Promise<CountAnswer | null> {
  const asked = await sourcesOf(context, series.seriesInstanceUid);
  const answers = await Promise.all(asked.map((source) => countAt(context, source, series)));
  const known = answers.filter((each) => each !== null).toSorted((a, b) => b.count - a.count);
  return known[0] ?? null;
}

/** The source that sends it, by its AE title; else all, as any may have it. */
async function sourcesOf({ config, knex, silence }: CountContext, uid: string): Promise<readonly Source[]> {
  const { sources } = config.query;
  const senders = new Set(await listSenders(knex, uid));
  const sending = sources.filter((source) => sendsAs(source).some((name) => senders.has(name)));
  const asked = sending.length > 0 ? sending : sources;
  return asked.filter((source) => silence.mayBeAsked(source));
}

async function countAt(
  { config, silence, signal }: CountContext,
  source: Source,
  { studyInstanceUid, seriesInstanceUid }: SeriesRow,
): Promise<CountAnswer | null> {
  try {
    const options = { source, config, timeoutMs: config.query.timeoutMs, signal };
    const count = await withFinder(options, async (finder) => {
      const found = await finder.findSeriesOf(studyInstanceUid, { seriesInstanceUid });
      const match = found.find((each) => each.seriesInstanceUid === seriesInstanceUid);
      if (!match) return 0;
      return match.instances ?? finder.countImages(studyInstanceUid, seriesInstanceUid);
    });
    silence.answered(source);
    return count > 0 ? { count, source: source.name } : null;
  } catch (thrown) {
    if (!signal.aborted) silence.leaveAlone(source, asCalcidiscError(thrown).message);
    return null;
  }
}

/**
 * Stores the answer when it is to be believed.
 * @param sameForMs since when it has been the same
 * @returns whether it is what is stored now, and was not before
 */
export function takeCount(
  knex: Database['knex'],
  { seriesInstanceUid }: SeriesRow,
  { count, source }: CountAnswer,
  sameForMs: number,
  policy: CountPolicy,
): Promise<boolean> {
  return knex.transaction(async (trx) => {
    const now = await lockSeries(trx, seriesInstanceUid);
    if (now?.state !== 'receiving') return false;
    const associations = await listAssociationsOfSeries(trx, seriesInstanceUid);
    const evidence = {
      count,
      sameForMs,
      stored: now.expectedInstances,
      have: await countInstances(trx, seriesInstanceUid),
      isOpen: associations.some(({ endedHow }) => endedHow === null),
    };
    if (!isBelieved(evidence, policy)) return false;
    await updateSeries(trx, seriesInstanceUid, { expectedInstances: count });
    await appendAudit(trx, {
      event: 'PACS_QUERIED',
      subjectType: 'series',
      subjectId: seriesInstanceUid,
      detail: { purpose: 'count', source, count },
    });
    return true;
  });
}
