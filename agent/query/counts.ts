import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { listAssociationsOfSeries } from '../../db/tables/associations.js';
import { appendAudit } from '../../db/tables/audit.js';
import { countInstances, listSenders } from '../../db/tables/instances.js';
import {
  findSeries,
  listReceivingSeries,
  lockSeries,
  type SeriesRow,
  updateSeries,
} from '../../db/tables/series.js';
import { backoffMs } from '../../db/work/backoff.js';
import { asCalcidiscError } from '../domain/errors.js';
import { isBelieved } from './countPolicy.js';
import { countImages, findSeriesOf } from './find.js';
import { FIND, type QueryConfig, type Source, withSource } from './source.js';

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

interface Watched {
  waitMs: number;
  timer: NodeJS.Timeout | null;
  answer: { readonly count: number; readonly sinceMs: number } | null;
}

/** Questions under way at once: the PACS has other work. */
const MOST_AT_ONCE = 2;
const LATER_MS = 250;
const MOST_WAIT_MS = 30_000;
/** A source that does not answer is left alone: so long at first, twice as long each time, up to the second. */
const SOURCE_BACKOFF = { firstMs: 5_000, maxMs: 300_000 };

/**
 * Asks the sources how many images each series has that is being received (PS3.4 C.3.4, NumberOfSeriesRelated-
 * Instances). Beside the path: an answer makes "complete" known sooner and surer, no answer changes nothing.
 */
export function startCounts({ config, database, log, onCount }: CountParts): Counts {
  const { knex } = database;
  const { counts: isOn, sources, recountMs, timeoutMs } = config.query;
  const policy = { recountMs, manyAssociationsGraceMs: config.assemble.manyAssociationsGraceMs };
  const watched = new Map<string, Watched>();
  const silent = new Map<string, { failures: number; untilMs: number }>();
  const stop = new AbortController();
  const asking = new Set<Promise<void>>();

  function ask(seriesInstanceUids: Iterable<string>): void {
    if (!isOn || sources.length === 0 || stop.signal.aborted) return;
    for (const uid of seriesInstanceUids) {
      const known = watched.get(uid);
      if (known) known.waitMs = recountMs;
      else {
        watched.set(uid, { waitMs: recountMs, timer: null, answer: null });
        plan(uid, 0);
      }
    }
  }

  function plan(uid: string, inMs: number): void {
    const entry = watched.get(uid);
    if (!entry || stop.signal.aborted) return;
    entry.timer = setTimeout(() => {
      if (asking.size >= MOST_AT_ONCE) return plan(uid, LATER_MS);
      const work = askNow(uid, entry).finally(() => asking.delete(work));
      asking.add(work);
    }, inMs);
  }

  async function askNow(uid: string, entry: Watched): Promise<void> {
    try {
      const series = await findSeries(knex, uid);
      const isOurs = series?.state === 'receiving' && (series.role === 'mr' || series.role === 'ct');
      if (!isOurs) return void watched.delete(uid);
      const answered = await countBy(await sourcesOf(uid), series);
      if (answered) await take(series, entry, answered);
    } catch (error) {
      log.debug({ err: error, seriesInstanceUid: uid }, 'the count of a series is not known');
    }
    plan(uid, entry.waitMs);
    entry.waitMs = Math.min(MOST_WAIT_MS, entry.waitMs * 2);
  }

  /** The source that sends it, by its AE title; else all, as any may have it. */
  async function sourcesOf(uid: string): Promise<readonly Source[]> {
    const senders = new Set(await listSenders(knex, uid));
    const sending = sources.filter(({ aeTitle }) => senders.has(aeTitle));
    const asked = sending.length > 0 ? sending : sources;
    return asked.filter(({ name }) => (silent.get(name)?.untilMs ?? 0) <= Date.now());
  }

  /** The largest answer; null when no source knows the series. */
  async function countBy(asked: readonly Source[], series: SeriesRow): Promise<Answered | null> {
    const answers = await Promise.all(asked.map((source) => countAt(source, series)));
    const known = answers.filter((each) => each !== null).toSorted((a, b) => b.count - a.count);
    return known[0] ?? null;
  }

  async function countAt(source: Source, series: SeriesRow): Promise<Answered | null> {
    const { studyInstanceUid, seriesInstanceUid } = series;
    try {
      const options = { source, config, timeoutMs, signal: stop.signal };
      const count = await withSource(FIND, options, async (association) => {
        const found = await findSeriesOf(association, source, studyInstanceUid, { seriesInstanceUid });
        const match = found.find((each) => each.seriesInstanceUid === seriesInstanceUid);
        if (!match) return 0;
        return match.instances ?? countImages(association, source, studyInstanceUid, seriesInstanceUid);
      });
      silent.delete(source.name);
      return count > 0 ? { count, source: source.name } : null;
    } catch (thrown) {
      if (!stop.signal.aborted) leaveAlone(source, asCalcidiscError(thrown).message);
      return null;
    }
  }

  function leaveAlone({ name }: Source, reason: string): void {
    const failures = (silent.get(name)?.failures ?? 0) + 1;
    const forMs = backoffMs(failures, SOURCE_BACKOFF);
    silent.set(name, { failures, untilMs: Date.now() + forMs });
    log.warn({ source: name, reason, forMs }, 'a source does not say how many images a series has');
  }

  async function take(series: SeriesRow, entry: Watched, { count, source }: Answered): Promise<void> {
    const { seriesInstanceUid } = series;
    const nowMs = Date.now();
    if (entry.answer?.count !== count) entry.answer = { count, sinceMs: nowMs };
    const isTaken = await knex.transaction(async (trx) => {
      const now = await lockSeries(trx, seriesInstanceUid);
      if (now?.state !== 'receiving') return false;
      const associations = await listAssociationsOfSeries(trx, seriesInstanceUid);
      const evidence = {
        count,
        sameForMs: nowMs - (entry.answer?.sinceMs ?? nowMs),
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
    if (isTaken) onCount(seriesInstanceUid);
  }

  // Series that were being received when the last process ended.
  listReceivingSeries(knex).then(
    (rows) => ask(rows.map(({ seriesInstanceUid }) => seriesInstanceUid)),
    (error) => log.debug({ err: error }, 'the series that are being received could not be read'),
  );

  return {
    ask,
    async close() {
      stop.abort();
      for (const { timer } of watched.values()) if (timer) clearTimeout(timer);
      await Promise.all(asking);
    },
  };
}

interface Answered {
  readonly count: number;
  readonly source: string;
}
