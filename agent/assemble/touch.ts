import type { Tx } from '../../db/server/knex.js';
import { countInstances } from '../../db/tables/instances.js';
import {
  listSeriesOfStudy,
  reopenSeries,
  type SeriesRow,
  touchSeries,
  updateSeries,
} from '../../db/tables/series.js';
import { isNews, type Written } from './comesAgain.js';

/**
 * New images, and new headers that matter, start the quiet period afresh, and reopen a series that was thought
 * complete; so do they for the MRs of a study of which something was corrected that their reports carry.
 * @param corrected study UID to what was corrected, in words
 * @returns the series reopened
 */
export async function touchAll(
  trx: Tx,
  written: readonly Written[],
  corrected: ReadonlyMap<string, string>,
): Promise<SeriesRow[]> {
  const news = new Map<string, News>();
  for (const each of written.filter(isNews)) gather(news, each);
  for (const [studyInstanceUid, what] of corrected)
    for (const { seriesInstanceUid, role } of await listSeriesOfStudy(trx, studyInstanceUid))
      if (role === 'mr')
        news.set(seriesInstanceUid, { at: null, ...news.get(seriesInstanceUid), because: correction(what) });
  const reopened: SeriesRow[] = [];
  for (const [seriesInstanceUid, { at, because }] of [...news].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (at) await touchSeries(trx, seriesInstanceUid, at);
    const row = await reopenSeries(trx, seriesInstanceUid, because);
    if (row) reopened.push(row);
  }
  await noteEmptied(trx, written);
  return reopened;
}

interface News {
  /** When the latest image came; null when none did. */
  readonly at: Date | null;
  readonly because: string;
}

function correction(what: string): string {
  return `the study came again with another header: ${what}`;
}

function gather(news: Map<string, News>, { instance, outcome, change, movedFrom }: Written): void {
  const { seriesInstanceUid, file } = instance;
  const known = news.get(seriesInstanceUid);
  const at = known?.at && known.at > file.receivedAt ? known.at : file.receivedAt;
  const what = [...(change?.report ?? []), ...(change?.image ?? [])].join(', ');
  const because = outcome === 'reheadered' && !movedFrom ? correction(what) : '';
  // A late image weighs more than a header: it changes what is read.
  news.set(seriesInstanceUid, { at, because: known?.because === '' ? '' : because });
  if (movedFrom) news.set(movedFrom, { at: file.receivedAt, because: MOVED });
}

const MOVED = 'images of the series came again in another series';

/** All images of a series came again in another one: there is nothing left to read in it. */
async function noteEmptied(trx: Tx, written: readonly Written[]): Promise<void> {
  const left = new Map(
    written.flatMap(({ movedFrom, instance }) => (movedFrom ? [[movedFrom, instance]] : [])),
  );
  for (const [seriesInstanceUid, { studyInstanceUid, seriesInstanceUid: now }] of left) {
    if ((await countInstances(trx, seriesInstanceUid)) > 0) continue;
    const roleReason = `its images came again in series ${now} of study ${studyInstanceUid}`;
    await updateSeries(trx, seriesInstanceUid, { role: 'ignored', roleReason });
  }
}
