import type { Tx } from '../../db/server/knex.js';
import { askForReading, listReadings, type ReadingFacts } from '../../db/tables/readings.js';
import { listSeriesOfStudy, type SeriesRow } from '../../db/tables/series.js';
import { awayHolders } from '../../db/views/awayStores.js';
import { candidateOf, nameOf, type SeriesCandidate } from './candidate.js';
import { modalityRead, type Reader, readingWanted } from './reader.js';

/** The series of a study that may be read, as far as they have come. */
export interface GatheredStudy {
  readonly candidates: readonly SeriesCandidate[];
  /** What is not known yet, in words; null when all of them are complete and read. */
  readonly waitingFor: string | null;
  /** Complete, and nobody has been asked to read them: a newer localiser, other settings, an older database. */
  readonly unasked: readonly SeriesRow[];
  /** Readings that failed for good. */
  readonly failed: readonly ReadingFacts[];
  /** When the last image of the study came, of whatever series. */
  readonly lastReceivedMs: number;
}

export async function gatherStudy(tx: Tx, studyInstanceUid: string, reader: Reader): Promise<GatheredStudy> {
  const all = await listSeriesOfStudy(tx, studyInstanceUid);
  const readable = all.filter((series) => modalityRead(series) === 'MR');
  const uids = readable.map(({ seriesInstanceUid }) => seriesInstanceUid);
  const readings = new Map(
    (await listReadings(tx, uids, reader.sha256)).map((read) => [read.seriesInstanceUid, read]),
  );
  const ended = ({ seriesInstanceUid }: SeriesRow) => {
    const read = readings.get(seriesInstanceUid);
    return read?.state === 'done' || read?.state === 'failed' ? read : null;
  };
  const pending = readable.filter((series) => ended(series) === null);
  const away = pending.length === 0 ? new Map<string, string>() : await awayHolders(tx, uids);
  return {
    candidates: readable.flatMap((series) => {
      const read = ended(series);
      return read ? [candidateOf(series, read)] : [];
    }),
    waitingFor: pending.length === 0 ? null : pending.map((each) => waitingFor(each, away)).join('; '),
    unasked: pending.filter(
      ({ state, seriesInstanceUid }) => state === 'complete' && !readings.has(seriesInstanceUid),
    ),
    failed: [...readings.values()].filter(({ state }) => state === 'failed'),
    lastReceivedMs: Math.max(0, ...all.map(({ lastReceivedAt }) => lastReceivedAt.getTime())),
  };
}

function waitingFor(series: SeriesRow, away: ReadonlyMap<string, string>): string {
  const holder = away.get(series.seriesInstanceUid);
  if (holder) return `${nameOf(series)} lies with the agent ${holder}, which is away`;
  return `${nameOf(series)} ${series.state === 'complete' ? 'is being read' : 'is still arriving'}`;
}

/** Has these series read. @returns whether any of them was not asked for already */
export async function askForReadings(
  trx: Tx,
  series: readonly SeriesRow[],
  reader: Reader,
): Promise<boolean> {
  let isNew = false;
  for (const each of series) {
    const wanted = readingWanted(each, reader);
    if (wanted && (await askForReading(trx, wanted))) isNew = true;
  }
  return isNew;
}
