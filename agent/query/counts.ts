import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { findSeries, listReceivingSeries, type SeriesRow } from '../../db/tables/series.js';
import { openAppointments } from '../../db/work/appointments.js';
import { askCount, type CountContext, takeCount } from './askCount.js';
import type { QueryConfig } from './source.js';
import { SourceSilence } from './sourceSilence.js';

export interface CountParts {
  readonly config: QueryConfig & Pick<Config, 'assemble'>;
  readonly database: Pick<Database, 'knex'>;
  readonly log: Logger;
  /** A count has been stored: whether the series is complete may be known now. */
  onCount(seriesInstanceUid: string): void;
}

export interface Counts {
  /** New images of these series are in the index. Returns at once, and nothing waits for what comes of it. */
  ask(seriesInstanceUids: Iterable<string>): void;
  close(): Promise<void>;
}

/** A series that is being received. */
interface Watched {
  waitMs: number;
  answer: { readonly count: number; readonly sinceMs: number } | null;
}

/** Questions under way at once: the PACS has other work. */
const MOST_AT_ONCE = 2;
const LATER_MS = 250;
const MOST_WAIT_MS = 30_000;

/**
 * Asks the sources how many images each series has that is being received (PS3.4 C.3.4, NumberOfSeriesRelated-
 * Instances). Beside the path: an answer makes "complete" known sooner and surer, no answer changes nothing.
 */
export function startCounts(parts: CountParts): Counts {
  const { config, log } = parts;
  const { knex } = parts.database;
  const { counts: isOn, sources, recountMs } = config.query;
  const watched = new Map<string, Watched>();
  const stop = new AbortController();
  const context = { config, knex, silence: new SourceSilence(log), signal: stop.signal };
  const questions = openAppointments({
    atOnce: MOST_AT_ONCE,
    laterMs: LATER_MS,
    work: async (uid) => {
      const entry = watched.get(uid)!;
      if (!(await isStillAsked(parts, context, uid, entry))) {
        watched.delete(uid);
        return;
      }
      questions.plan(uid, entry.waitMs);
      entry.waitMs = Math.min(MOST_WAIT_MS, entry.waitMs * 2);
    },
  });

  function ask(seriesInstanceUids: Iterable<string>): void {
    if (!isOn || sources.length === 0 || stop.signal.aborted) return;
    for (const uid of seriesInstanceUids) {
      const known = watched.get(uid);
      if (known) known.waitMs = recountMs;
      else {
        watched.set(uid, { waitMs: recountMs, answer: null });
        questions.plan(uid, 0);
      }
    }
  }

  // Series that were being received when the last process ended.
  listReceivingSeries(knex).then(
    (rows) => ask(rows.map(({ seriesInstanceUid }) => seriesInstanceUid)),
    (error) => log.debug({ err: error }, 'the series that are being received could not be read'),
  );

  return {
    ask,
    close() {
      stop.abort();
      return questions.close();
    },
  };
}

/** @returns whether the series is one to be asked about again */
async function isStillAsked(
  { config, database: { knex }, log, onCount }: CountParts,
  context: CountContext,
  seriesInstanceUid: string,
  entry: Watched,
): Promise<boolean> {
  try {
    const series = await findSeries(knex, seriesInstanceUid);
    if (!isOurs(series)) return false;
    const answered = await askCount(context, series);
    if (!answered) return true;
    const nowMs = Date.now();
    if (entry.answer?.count !== answered.count) entry.answer = { count: answered.count, sinceMs: nowMs };
    const policy = {
      recountMs: config.query.recountMs,
      manyAssociationsGraceMs: config.assemble.manyAssociationsGraceMs,
    };
    if (await takeCount(knex, series, answered, nowMs - entry.answer.sinceMs, policy))
      onCount(seriesInstanceUid);
  } catch (error) {
    log.debug({ err: error, seriesInstanceUid }, 'the count of a series is not known');
  }
  return true;
}

function isOurs(series: SeriesRow | null): series is SeriesRow {
  return series?.state === 'receiving' && series.role !== 'ignored' && series.role !== 'undecided';
}
