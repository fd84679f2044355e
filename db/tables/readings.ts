import { randomUUID } from 'node:crypto';
import type { CalcidiscError } from '../../agent/domain/errors.js';
import type { Level } from '../../agent/domain/levels.js';
import type { PictureFigures } from '../../agent/domain/pictureFigures.js';
import type { SliceGrey } from '../../agent/domain/sliceGrey.js';
import { json, type Tx } from '../server/knex.js';
import { processOwner } from '../server/presence.js';
import { postponed, released } from './claims.js';
import { levelOrder } from './levelOrder.js';

export type ReadingState = 'due' | 'reading' | 'done' | 'failed';

/** What was found in one series: for what the series consisted of, by one reader. */
export interface ReadingRow {
  readonly id: string;
  readonly seriesInstanceUid: string;
  readonly modality: 'MR' | 'CT';
  readonly contentSha256: string;
  readonly readerSha256: string;
  readonly localiserName: string;
  readonly localiserVersion: string;
  readonly localiserSha256: string;
  readonly state: ReadingState;
  readonly attempts: number;
  readonly nextAttemptAt: Date;
  readonly owner: number | null;
  readonly lastErrorCode: string | null;
  readonly lastError: string | null;
  readonly askedAt: Date;
  readonly endedAt: Date | null;
  /** As `calcidisc locate --json` or `calcidisc ct --json` prints it; null until it is done. */
  readonly result: unknown;
  /** 8-bit grey. */
  readonly slicePng: Uint8Array | null;
  /** [row spacing, column spacing] as in PixelSpacing. */
  readonly pixelSpacingMm: readonly [row: number, col: number] | null;
  /** How its stored values became its greys; null for a CT and for a reading of an older version. */
  readonly sliceGrey: SliceGrey | null;
  /** As the previous. */
  readonly pictureFigures: PictureFigures | null;
  readonly milliseconds: number | null;
  /** When its pictures were deleted by policy: the regions and the slice. */
  readonly purgedAt: Date | null;
}

/** A row without its picture: for whoever weighs many. */
export type ReadingFacts = Omit<ReadingRow, 'slicePng'>;

export type WantedReading = Pick<
  ReadingRow,
  | 'seriesInstanceUid'
  | 'modality'
  | 'contentSha256'
  | 'readerSha256'
  | 'localiserName'
  | 'localiserVersion'
  | 'localiserSha256'
>;

export interface ReadRegion {
  readonly level: Level;
  readonly png: Uint8Array;
  readonly pngSha256: string;
}

/** Writes down that a series is to be read. @returns false when it is, was or is to be read already */
export async function askForReading(trx: Tx, wanted: WantedReading): Promise<boolean> {
  const rows = await trx('seriesReading')
    .insert({ id: randomUUID(), ...wanted })
    .onConflict(['seriesInstanceUid', 'contentSha256', 'readerSha256'])
    .ignore()
    .returning('id');
  return rows.length > 0;
}

/** A reading that failed for good is tried again, because a person says so. */
export async function retryReading(trx: Tx, id: string): Promise<boolean> {
  const now = trx.raw('clock_timestamp()');
  const count = await trx('seriesReading')
    .where({ id, state: 'failed' })
    .update({ state: 'due', attempts: 0, askedAt: now, nextAttemptAt: now, endedAt: null });
  return count > 0;
}

/**
 * Takes the reading that was asked for first, of those that are due or that nobody is at: their process is gone, or it
 * is this one and could not write down how they ended.
 * @param running the readings this process is at
 * @param store our own: what lies with another agent is that one's to read, unless it lies in a folder that we share
 * @returns null when there is none
 */
export async function claimReading(
  tx: Tx,
  readerSha256: string,
  running: readonly string[],
  store: number | null = null,
  isSharing = false,
): Promise<ReadingRow | null> {
  const { rows } = await tx.raw(
    `UPDATE series_reading SET state = 'reading', attempts = attempts + 1, owner = ?
      WHERE id = (
        SELECT id FROM series_reading
         WHERE reader_sha256 = ?
           AND NOT EXISTS (SELECT FROM series s JOIN spool_store h ON h.number = s.holder
                            WHERE s.series_instance_uid = series_reading.series_instance_uid
                              AND s.holder <> ? AND NOT (? AND h.shared_path IS NOT NULL))
           AND ((state = 'due' AND next_attempt_at <= clock_timestamp())
             OR (state = 'reading'
                 AND (NOT process_is_alive(owner) OR (owner = ? AND id <> ALL (?::uuid[])))))
         ORDER BY asked_at LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING *`,
    [processOwner, readerSha256, store, isSharing, processOwner, [...running]],
  );
  return rows[0] ?? null;
}

export interface ReadingResult {
  readonly result: object;
  readonly slicePng: Uint8Array | null;
  readonly pixelSpacingMm: readonly [row: number, col: number] | null;
  readonly sliceGrey?: SliceGrey | null;
  readonly pictureFigures?: PictureFigures | null;
  readonly milliseconds: number;
  readonly regions: readonly ReadRegion[];
}

/** @returns false when the reading is not ours any more */
export async function endReading(trx: Tx, id: string, read: ReadingResult): Promise<boolean> {
  const { result, slicePng, pixelSpacingMm, sliceGrey, pictureFigures, milliseconds, regions } = read;
  const count = await trx('seriesReading')
    .where({ id, state: 'reading', owner: processOwner })
    .update({
      state: 'done',
      owner: null,
      endedAt: trx.raw('clock_timestamp()'),
      result: json(result),
      slicePng: slicePng && Buffer.from(slicePng),
      pixelSpacingMm: pixelSpacingMm && json(pixelSpacingMm),
      sliceGrey: sliceGrey ? json(sliceGrey) : null,
      pictureFigures: pictureFigures ? json(pictureFigures) : null,
      milliseconds,
      lastErrorCode: null,
      lastError: null,
    });
  if (count === 0) return false;
  if (regions.length > 0)
    await trx('seriesReadingRegion').insert(
      regions.map(({ png, ...region }) => ({ readingId: id, ...region, png: Buffer.from(png) })),
    );
  return true;
}

/** For good: what cannot be read is kept with its reason. @returns false when the reading is not ours any more */
export async function failReading(
  trx: Tx,
  id: string,
  { code, message }: Pick<CalcidiscError, 'code' | 'message'>,
): Promise<boolean> {
  const count = await trx('seriesReading')
    .where({ id, state: 'reading', owner: processOwner })
    .update({
      state: 'failed',
      owner: null,
      endedAt: trx.raw('clock_timestamp()'),
      lastErrorCode: code,
      lastError: message,
    });
  return count > 0;
}

/** Tried again after `delayMs`. */
export async function postponeReading(
  tx: Tx,
  id: string,
  error: CalcidiscError,
  delayMs: number,
): Promise<void> {
  await tx('seriesReading')
    .where({ id, state: 'reading', owner: processOwner })
    .update(postponed(tx, error, delayMs));
}

/** What it needs is not there for now: that is no attempt. */
export async function waitReading(tx: Tx, id: string, error: CalcidiscError, delayMs: number): Promise<void> {
  await tx('seriesReading')
    .where({ id, state: 'reading', owner: processOwner })
    .update({ ...postponed(tx, error, delayMs), attempts: tx.raw('attempts - 1') });
}

/** The process stops: whoever comes next takes the reading up at once, and this attempt does not count. */
export async function releaseReading(tx: Tx, id: string): Promise<void> {
  await tx('seriesReading').where({ id, state: 'reading', owner: processOwner }).update(released(tx));
}

export async function findReading(tx: Tx, id: string): Promise<ReadingRow | null> {
  return (await tx('seriesReading').where({ id }).first('*')) ?? null;
}

/** The readings by one reader of what these series consist of now; without pictures. */
export function listReadings(
  tx: Tx,
  seriesInstanceUids: readonly string[],
  readerSha256: string,
): Promise<ReadingFacts[]> {
  return tx('seriesReading as r')
    .join('series as s', (join) =>
      join.on('s.seriesInstanceUid', 'r.seriesInstanceUid').on('s.contentSha256', 'r.contentSha256'),
    )
    .whereIn('r.seriesInstanceUid', [...seriesInstanceUids])
    .where({ 'r.readerSha256': readerSha256 })
    .select(COLUMNS.map((column) => `r.${column}`));
}

/** From above down. */
export function listReadRegions(tx: Tx, readingId: string): Promise<ReadRegion[]> {
  return tx('seriesReadingRegion')
    .where({ readingId })
    .orderByRaw(levelOrder('level'))
    .select('level', 'png', 'pngSha256');
}

/** Takes the pictures off a series' readings that ended longer ago than `days`; what was found stays. */
export async function dropReadingPictures(trx: Tx, seriesInstanceUid: string, days: number): Promise<void> {
  const ids: string[] = await trx('seriesReading')
    .where({ seriesInstanceUid, state: 'done', purgedAt: null })
    .whereRaw("ended_at < clock_timestamp() - ? * interval '1 day'", [days])
    .pluck('id');
  await trx('seriesReadingRegion').whereIn('readingId', ids).delete();
  await trx('seriesReading')
    .whereIn('id', ids)
    .update({ slicePng: null, purgedAt: trx.raw('clock_timestamp()') });
}

/** A reading whose pictures were deleted is done once more, because a case needs them. */
export async function readAgain(tx: Tx, id: string): Promise<void> {
  const now = tx.raw('clock_timestamp()');
  await tx('seriesReading')
    .where({ id, state: 'done' })
    .whereNotNull('purgedAt')
    .update({ state: 'due', attempts: 0, askedAt: now, nextAttemptAt: now, endedAt: null, purgedAt: null });
}

/** How many readings are due, under way, done and failed. */
export async function countReadings(tx: Tx): Promise<Record<ReadingState, number>> {
  const rows: { state: ReadingState; count: number }[] = await tx('seriesReading')
    .groupBy('state')
    .select('state')
    .count('* as count');
  const counts: Record<ReadingState, number> = { due: 0, reading: 0, done: 0, failed: 0 };
  for (const { state, count } of rows) counts[state] = Number(count);
  return counts;
}

const COLUMNS = [
  'id',
  'seriesInstanceUid',
  'modality',
  'contentSha256',
  'readerSha256',
  'localiserName',
  'localiserVersion',
  'localiserSha256',
  'state',
  'attempts',
  'nextAttemptAt',
  'owner',
  'lastErrorCode',
  'lastError',
  'askedAt',
  'endedAt',
  'result',
  'pixelSpacingMm',
  'sliceGrey',
  'pictureFigures',
  'milliseconds',
  'purgedAt',
] as const satisfies readonly (keyof ReadingFacts)[];
