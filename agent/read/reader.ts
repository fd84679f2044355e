import type { Config } from '../../config/schema.js';
import { version } from '../../config/version.js';
import type { ReadingFacts, ReadingRow, ReadRegion, WantedReading } from '../../db/tables/readings.js';
import type { SeriesRow } from '../../db/tables/series.js';
import type { CtReading } from '../domain/ctReading.js';
import { sha256 } from '../domain/hash.js';
import type { CtResult, Located, LocateResult, ModelIdentity } from '../locate/types.js';

/** Who reads: a localiser under these settings. Another one reads every series anew. */
export interface Reader {
  readonly localiser: ModelIdentity;
  /** Of everything that an answer depends on beside the images. */
  readonly sha256: string;
}

export function readerOf(
  { locate, reference }: Pick<Config, 'locate' | 'reference'>,
  localiser: ModelIdentity,
): Reader {
  const { huLow, huHigh, minAreaMm2 } = reference;
  const depends = [localiser.sha256, version, locate.marginMm, huLow, huHigh, minAreaMm2];
  return { localiser, sha256: sha256(JSON.stringify(depends)) };
}

/** As what a series is read; null for one that is not. */
export function modalityRead({ role }: Pick<SeriesRow, 'role'>): 'MR' | 'CT' | null {
  if (role === 'ct') return 'CT';
  return role === 'mr' || role === 'check' ? 'MR' : null;
}

/** The reading of what a complete series consists of now; null for a series that is arriving, or not to be read. */
export function readingWanted(series: SeriesRow, { localiser, sha256 }: Reader): WantedReading | null {
  const { seriesInstanceUid, contentSha256 } = series;
  const modality = modalityRead(series);
  if (modality === null || contentSha256 === null) return null;
  return {
    seriesInstanceUid,
    modality,
    contentSha256,
    readerSha256: sha256,
    localiserName: localiser.name,
    localiserVersion: localiser.version,
    localiserSha256: localiser.sha256,
  };
}

type Result = LocateResult | CtResult;

/** What a reading that is done found: the row keeps it as it was printed. */
export function resultOf<R extends Result>({ result }: Pick<ReadingRow, 'result'>): R {
  return result as R;
}

/** What was found in a CT, for whoever weighs it; null until it has been read. */
export function ctReadingOf(read: ReadingFacts): CtReading | null {
  if (read.state === 'failed')
    return { status: 'unreadable', reasons: [read.lastError ?? ''], discs: [], facts: null };
  return read.state === 'done' ? resultOf<CtResult>(read) : null;
}

/** The same with its pictures, as the localiser handed it over. */
export function locatedOf<R extends Result>(row: ReadingRow, regions: readonly ReadRegion[]): Located<R> {
  const { localiserName: name, localiserVersion, localiserSha256, slicePng, pixelSpacingMm, sliceGrey } = row;
  return {
    result: resultOf<R>(row),
    localiser: { name, version: localiserVersion, sha256: localiserSha256 },
    slicePng,
    pixelSpacingMm,
    sliceGrey,
    pictureFigures: row.pictureFigures,
    regions: regions.map(({ level, png, pngSha256 }) => ({ level, png, sha256: pngSha256 })),
    milliseconds: row.milliseconds ?? 0,
  };
}
