import type { NewInstance } from '../../db/instances.js';
import type { NewSeries } from '../../db/series.js';
import type { NewStudy } from '../../db/studies.js';
import type { Header } from '../dicom/header.js';
import { parseUid } from '../dicom/uid.js';
import type { SpooledFile } from '../receive/types.js';
import { attributesOf, type SeriesAttributes } from '../route/attributes.js';
import type { ReadFile } from './readSpooled.js';
import { storePath } from './spoolPaths.js';

/** One spooled object, read: what the index keeps of it. Nothing here has been written yet. */
export interface ReadInstance {
  readonly file: SpooledFile;
  readonly header: Header;
  readonly datasetSha256: string;
  readonly attributes: SeriesAttributes;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  /** Position along the stack's normal; null for an object without a plane. */
  readonly slicePositionMm: number | null;
}

/** @throws RangeError when a UID that the index hangs on is missing or is none */
export function toReadInstance(file: SpooledFile, { header, datasetSha256 }: ReadFile): ReadInstance {
  return {
    file,
    header,
    datasetSha256,
    attributes: attributesOf(header, file.callingAe),
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

export function studyRow({ header, studyInstanceUid }: ReadInstance): NewStudy {
  return {
    studyInstanceUid,
    patientId: header.patientId ?? '',
    issuerOfPatientId: header.issuerOfPatientId ?? '',
    patientName: header.patientName ?? '',
    patientBirthDate: header.patientBirthDate,
    patientSex: header.patientSex ?? '',
    studyId: header.studyId ?? '',
    accessionNumber: header.accessionNumber ?? '',
    studyDate: header.studyDate,
    studyTime: header.studyTime ?? '',
    studyDescription: header.studyDescription ?? '',
    referringPhysicianName: header.referringPhysicianName ?? '',
  };
}

export function seriesRow(instance: ReadInstance): NewSeries {
  const { header, attributes, seriesInstanceUid, studyInstanceUid } = instance;
  return {
    seriesInstanceUid,
    studyInstanceUid,
    modality: header.modality ?? '',
    seriesNumber: wholeNumber(header.seriesNumber),
    seriesDescription: header.seriesDescription ?? '',
    protocolName: header.protocolName ?? '',
    bodyPartExamined: header.bodyPartExamined ?? '',
    acquisitionDate: header.acquisitionDate,
    frameOfReferenceUid: header.frameOfReferenceUid,
    attributes: { ...attributes, numberOfFrames: header.numberOfFrames },
  };
}

export function instanceRow(instance: ReadInstance): NewInstance {
  const { file, header, datasetSha256, sopInstanceUid, seriesInstanceUid, slicePositionMm } = instance;
  return {
    sopInstanceUid,
    seriesInstanceUid,
    sopClassUid: file.sopClassUid,
    transferSyntaxUid: file.transferSyntaxUid,
    instanceNumber: wholeNumber(header.instanceNumber),
    slicePositionMm,
    spoolPath: storePath(sopInstanceUid),
    sizeBytes: file.sizeBytes,
    datasetSha256,
    callingAe: file.callingAe,
    associationId: file.associationId,
    receivedAt: file.receivedAt,
  };
}

/** IS has 32 bits (PS3.5 6.2), and so has the column; anything else is no number worth keeping. */
function wholeNumber(value: number | null): number | null {
  return value !== null && Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? value : null;
}
