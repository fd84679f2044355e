import { LEVELS } from '../../agent/domain/levels.js';
import type { LocateResult } from '../../agent/locate/types.js';
import { candidateFrom, type SeriesCandidate } from '../../agent/read/candidate.js';
import type { FolderSeries } from './folder.js';

type Found = SeriesCandidate['reading'];

/** A series of a folder as the choice sees one of the index, with what was found in it. */
export function folderCandidate(
  { seriesInstanceUid, header, known }: FolderSeries,
  reading: Found,
): SeriesCandidate {
  return candidateFrom(
    {
      seriesInstanceUid,
      seriesNumber: header.seriesNumber,
      seriesDescription: known.seriesDescription ?? '',
      frameOfReferenceUid: known.frameOfReferenceUid ?? null,
      role: known.role,
      attributes: known.attributes,
    },
    { id: seriesInstanceUid, reading },
  );
}

export function foundIn(
  { status, reasons, discs }: LocateResult,
  pixelSpacingMm: readonly number[] | null,
): Found {
  return { status, reasons, discs, pixelMm: pixelSpacingMm && Math.max(...pixelSpacingMm) };
}

export function unreadable(reason: string): Found {
  return { status: 'unreadable', reasons: [reason], discs: [], pixelMm: null };
}

/** As if all five discs had been found: what the headers alone make of the choice. */
export function presumed({ header: { pixelSpacing } }: FolderSeries): Found {
  const discs = LEVELS.map((level) => ({ level, centrePatientMm: [0, 0, 0] as const }));
  return { status: 'located', reasons: [], discs, pixelMm: pixelSpacing && Math.max(...pixelSpacing) };
}
