import type { Extent } from '../dicom/extent.js';
import type { Header } from '../dicom/header.js';
import { parseUid } from '../dicom/uid.js';
import type { ImageFacts } from '../domain/imageFacts.js';
import type { SpooledFile } from '../receive/types.js';
import type { ReadFile } from './readSpooled.js';

/** One spooled object, read: what the index keeps of it. Nothing here has been written yet. */
export interface ReadInstance {
  readonly file: SpooledFile;
  readonly header: Header;
  readonly extent: Extent;
  readonly datasetSha256: string;
  readonly facts: ImageFacts;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  /** Position along the stack's normal; null for an object without a plane. */
  readonly slicePositionMm: number | null;
}

/** @throws RangeError when a UID that the index hangs on is missing or is none */
export function toReadInstance(
  file: SpooledFile,
  { header, facts, extent, datasetSha256 }: ReadFile,
): ReadInstance {
  return {
    file,
    header,
    extent,
    datasetSha256,
    facts,
    sopInstanceUid: parseUid(header.sopInstanceUid),
    seriesInstanceUid: parseUid(header.seriesInstanceUid),
    studyInstanceUid: parseUid(header.studyInstanceUid),
    slicePositionMm: slicePosition(header),
  };
}

/** The image position along the normal of row and column (PS3.3 C.7.6.2.1.1). */
function slicePosition({
  imageOrientationPatient: cosines,
  imagePositionPatient: position,
  numberOfFrames,
}: Header) {
  if (cosines?.length !== 6 || position?.length !== 3 || (numberOfFrames ?? 1) > 1) return null;
  const [rx, ry, rz, cx, cy, cz] = cosines as [number, number, number, number, number, number];
  const normal = [ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx];
  const along = normal.reduce((sum, n, i) => sum + n * position[i]!, 0);
  return Number.isFinite(along) ? along : null;
}
