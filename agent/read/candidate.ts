import type { ReadingFacts } from '../../db/tables/readings.js';
import type { SeriesRow } from '../../db/tables/series.js';
import type { ReadingStatus } from '../domain/locateStatuses.js';
import type { LocatedDisc, LocateResult } from '../locate/types.js';
import { type Contrast, contrastOf } from './contrast.js';
import { resultOf } from './reader.js';

/** A series of an MR study that may be read, with what was found in it. */
export interface SeriesCandidate {
  readonly seriesInstanceUid: string;
  readonly seriesNumber: number | null;
  readonly seriesDescription: string;
  readonly frameOfReferenceUid: string | null;
  /** 'check': to compare levels with, never read itself. */
  readonly role: 'mr' | 'check';
  readonly contrast: Contrast;
  /** Whether the header names the lumbar spine, and no other part beside it: else the pixels have to show it. */
  readonly isNamedLumbar: boolean;
  readonly readingId: string;
  readonly reading: {
    /** `unreadable`: its files could not be decoded, and reasons say why. */
    readonly status: ReadingStatus;
    readonly reasons: readonly string[];
    readonly discs: readonly Pick<LocatedDisc, 'level' | 'centrePatientMm'>[];
    /** Larger side of a pixel; null when nothing was found. */
    readonly pixelMm: number | null;
  };
}

/** What the choice looks at of a series itself. */
type CandidateSeries = Pick<
  SeriesRow,
  'seriesInstanceUid' | 'seriesNumber' | 'seriesDescription' | 'frameOfReferenceUid' | 'role' | 'attributes'
>;

export function candidateOf(series: CandidateSeries, read: ReadingFacts): SeriesCandidate {
  return candidateFrom(series, { id: read.id, reading: found(read) });
}

export function candidateFrom(
  series: CandidateSeries,
  { id, reading }: { readonly id: string; readonly reading: SeriesCandidate['reading'] },
): SeriesCandidate {
  const { seriesInstanceUid, seriesNumber, seriesDescription, frameOfReferenceUid, attributes } = series;
  return {
    seriesInstanceUid,
    seriesNumber,
    seriesDescription,
    frameOfReferenceUid,
    role: series.role === 'check' ? 'check' : 'mr',
    contrast: contrastOf(attributes),
    isNamedLumbar: attributes.region === 'LUMBAR' && attributes.regionAmongOthers !== true,
    readingId: id,
    reading,
  };
}

function found(read: ReadingFacts): SeriesCandidate['reading'] {
  if (read.state === 'failed')
    return { status: 'unreadable', reasons: [read.lastError ?? ''], discs: [], pixelMm: null };
  const { status, reasons, discs } = resultOf<LocateResult>(read);
  const pixelMm = read.pixelSpacingMm && Math.max(...read.pixelSpacingMm);
  return { status, reasons, discs, pixelMm };
}

/** How a series is called in a report: by its number, which the reader has before him. */
export function nameOf({
  seriesNumber,
  seriesDescription,
}: Pick<SeriesCandidate, 'seriesNumber' | 'seriesDescription'>): string {
  const number = seriesNumber === null ? 'a series without number' : `series ${seriesNumber}`;
  return seriesDescription === '' ? number : `${number} "${seriesDescription}"`;
}
