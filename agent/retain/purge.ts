import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../../db/server/database.js';
import { appendAudit } from '../../db/tables/audit.js';
import { lockSeries } from '../../db/tables/series.js';
import { listFilesOf, listOldSeries, markPurged, type OldSeries } from '../../db/views/purgeable.js';

export interface PurgeParts {
  readonly database: Pick<Database, 'knex'>;
  readonly dataDir: string;
  /** Whose files: our own (spool_store). */
  readonly store: number;
  readonly days: number;
  /** Who says so, for the trail; absent: this process. */
  readonly actor?: string;
  readonly signal?: AbortSignal;
}

export interface Purged {
  readonly series: number;
  readonly images: number;
  readonly bytes: number;
  /** How many series were old enough and stayed, by why. */
  readonly kept: Readonly<Record<string, number>>;
}

/** More in one go would keep a reader of the list waiting; what is left goes at the next look. */
const AT_ONCE = 10_000;

/** What would go and what would stay. Changes nothing. */
export async function planPurge({ database, store, days }: PurgeParts): Promise<Purged> {
  return tally(await listOldSeries(database.knex, { store, days, limit: AT_ONCE }));
}

/** Deletes the files of series that are old enough and that nothing needs; their rows, results and reports stay. */
export async function purge(parts: PurgeParts): Promise<Purged> {
  const { database, store, days, signal } = parts;
  const gone: OldSeries[] = [];
  for (const old of await listOldSeries(database.knex, { store, days, limit: AT_ONCE })) {
    if (signal?.aborted) break;
    gone.push(old.keptBecause === null ? ((await purgeSeries(parts, old)) ?? old) : old);
  }
  return tally(gone);
}

/**
 * Files first, then the row: killed between the two, the next look finds it again. Under the series' lock, which a late
 * image and a case's steps take too.
 * @returns null when it is not there any more
 */
async function purgeSeries(
  { database, dataDir, store, days, actor }: PurgeParts,
  { seriesInstanceUid }: OldSeries,
): Promise<OldSeries | null> {
  return database.knex.transaction(async (trx) => {
    await lockSeries(trx, seriesInstanceUid);
    const [now] = await listOldSeries(trx, { store, days, limit: 1, only: seriesInstanceUid });
    if (!now || now.keptBecause !== null) return now ?? null;
    for (const path of await listFilesOf(trx, seriesInstanceUid, store))
      await rm(join(dataDir, path), { force: true });
    await markPurged(trx, seriesInstanceUid, store);
    await appendAudit(trx, {
      event: 'IMAGES_PURGED',
      subjectType: 'series',
      subjectId: seriesInstanceUid,
      detail: { images: now.images, bytes: now.bytes, days, store },
      ...(actor ? { actor } : {}),
    });
    return now;
  });
}

function tally(series: readonly OldSeries[]): Purged {
  const kept: Record<string, number> = {};
  let [count, images, bytes] = [0, 0, 0];
  for (const { keptBecause, ...each } of series) {
    if (keptBecause !== null) {
      kept[keptBecause] = (kept[keptBecause] ?? 0) + 1;
      continue;
    }
    count += 1;
    images += each.images;
    bytes += each.bytes;
  }
  return { series: count, images, bytes, kept };
}
