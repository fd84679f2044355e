import type { CtResult, Located, LocateResult } from '../../agent/locate/types.js';
import { type Reader, readingWanted } from '../../agent/read/reader.js';
import type { Tx } from '../../db/server/knex.js';
import { processOwner } from '../../db/server/presence.js';
import { askForReading, endReading, failReading } from '../../db/tables/readings.js';
import { findSeries } from '../../db/tables/series.js';

/** Reads nothing: what its readings found is written down by the test. */
export const testReader: Reader = {
  localiser: { name: 'localiser', version: '0', sha256: 'ef'.repeat(32) },
  sha256: 'ab'.repeat(32),
};

/** A series that is complete, as the reader would have read it. */
export async function putReading(
  tx: Tx,
  seriesInstanceUid: string,
  { result, slicePng, pixelSpacingMm, regions, milliseconds }: Located<LocateResult | CtResult>,
  reader = testReader,
): Promise<void> {
  const id = await claimed(tx, seriesInstanceUid, reader);
  await endReading(tx, id, {
    result,
    slicePng,
    pixelSpacingMm,
    milliseconds,
    regions: regions.map(({ level, png, sha256 }) => ({ level, png, pngSha256: sha256 })),
  });
}

/** A series that is complete and cannot be read. */
export async function putFailedReading(
  tx: Tx,
  seriesInstanceUid: string,
  error: Parameters<typeof failReading>[2],
  reader = testReader,
): Promise<void> {
  await failReading(tx, await claimed(tx, seriesInstanceUid, reader), error);
}

async function claimed(tx: Tx, seriesInstanceUid: string, reader: Reader): Promise<string> {
  const wanted = readingWanted((await findSeries(tx, seriesInstanceUid))!, reader);
  if (!wanted) throw new Error(`series ${seriesInstanceUid} is not complete, or not to be read`);
  await askForReading(tx, wanted);
  const { contentSha256, readerSha256 } = wanted;
  const [row] = await tx('seriesReading')
    .where({ seriesInstanceUid, contentSha256, readerSha256, state: 'due' })
    .update({ state: 'reading', owner: processOwner, attempts: tx.raw('attempts + 1') })
    .returning('id');
  if (!row) throw new Error(`series ${seriesInstanceUid} has been read already`);
  return row.id;
}

/** What the localiser hands over of a spine that it found, or did not. */
export function located(
  seriesInstanceUid: string,
  modality: 'MR' | 'CT',
  over: Partial<LocateResult> = {},
): Located<LocateResult> {
  return {
    result: {
      modality,
      seriesInstanceUid,
      status: 'not-found',
      reasons: [],
      slice: null,
      discs: [],
      ...over,
      // What a CT is told by (agent/domain/ctReading.ts): here nothing.
      ...(modality === 'CT' ? { facts: null } : {}),
    },
    localiser: testReader.localiser,
    slicePng: null,
    pixelSpacingMm: [0.67, 0.67],
    regions: [],
    milliseconds: 1,
  };
}
