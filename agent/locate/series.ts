import { readFile } from 'node:fs/promises';
import type { DataSet } from '../dicom/elements.js';
import { planeOf } from '../dicom/geometry.js';
import { type Header, headerOf } from '../dicom/header.js';
import type { Keyword } from '../dicom/keywords.js';
import { type Part10, parsePart10 } from '../dicom/parse.js';
import { kindKey, pictureKindOf } from '../dicom/pictureKind.js';
import { decodeFrames, pixelFormat, type StoredPixels } from '../dicom/pixels.js';
import type { PlacedSlice } from '../dicom/stacks.js';
import { CalcidiscError } from '../domain/errors.js';
import type { PictureKind } from '../domain/imageFacts.js';
import { type CtImageFacts, ctImageFacts, paddingToAir } from './ctHeader.js';

/** One image (or one frame of one) with its pixels and its place. */
export interface SourceImage extends PlacedSlice {
  readonly sopInstanceUid: string;
  /** From 0. */
  readonly frame: number;
  /** From 1, as ReferencedFrameNumber counts (PS3.3 C.17.3); null for an object that is one image. */
  readonly frameNumber: number | null;
  readonly stored: StoredPixels;
  readonly slope: number;
  readonly intercept: number;
  /** MONOCHROME1. */
  readonly isInverted: boolean;
  readonly echoTime: number | null;
  /** What tells it from other pictures of the same place; absent where nothing does. */
  readonly pictureKind?: PictureKind;
  readonly inversionTime?: number | null;
  readonly scanningSequence?: readonly string[];
  /** CT only. */
  readonly ct?: CtImageFacts;
}

export interface Series {
  readonly modality: 'MR' | 'CT';
  readonly seriesInstanceUid: string;
  /** Of the first image, for what all share. */
  readonly header: Header;
  readonly images: readonly SourceImage[];
  /** Why images were left out, once each. */
  readonly notes: readonly string[];
  /** A CT none of whose images is in Hounsfield units by its header: what they are in, in words. */
  readonly notHounsfield: string | null;
}

/**
 * Reads and decodes the files of one series.
 * @throws CalcidiscError NOT_DICOM, NOT_ONE_SERIES, PIXELS_UNSUPPORTED
 */
export async function readSeries(files: readonly string[]): Promise<Series> {
  const images: SourceImage[] = [];
  const notes = new Set<string>();
  const units = new Set<string>();
  let first: Header | null = null;
  for (const file of files) {
    const part10 = parsePart10(await readFile(file));
    const header = headerOf(part10);
    first ??= header;
    if (header.seriesInstanceUid !== first.seriesInstanceUid || header.modality !== first.modality)
      throw new CalcidiscError('NOT_ONE_SERIES', 'the files belong to more than one series');
    for (const doubt of header.dateDoubts) notes.add(doubt);
    if (header.imageType.includes('LOCALIZER')) notes.add('scout images were left out');
    else images.push(...(await imagesOf(part10, header, notes, units)));
  }
  if (!first) throw new CalcidiscError('NOT_ONE_SERIES', 'no DICOM image was given');
  if (first.modality !== 'MR' && first.modality !== 'CT')
    throw new CalcidiscError(
      'NOT_ONE_SERIES',
      `the series is ${first.modality ?? 'of no'} modality, not MR or CT`,
    );
  const seriesInstanceUid = first.seriesInstanceUid ?? '';
  const notHounsfield = images.length === 0 && units.size > 0 ? [...units].join(', ') : null;
  if (notHounsfield === null) for (const unit of units) notes.add(`images were left out: ${unit}`);
  return {
    modality: first.modality,
    seriesInstanceUid,
    header: first,
    images,
    notes: [...notes],
    notHounsfield,
  };
}

/** @param units gets what is no Hounsfield unit */
async function imagesOf(
  part10: Part10,
  header: Header,
  notes: Set<string>,
  units: Set<string>,
): Promise<SourceImage[]> {
  const subject = { sopInstanceUid: header.sopInstanceUid ?? '' };
  const decoded = await decodeFrames(part10).catch((cause) => {
    if (!(cause instanceof CalcidiscError)) throw cause;
    throw new CalcidiscError(cause.code, cause.message, subject, { cause });
  });
  const { dataSet } = part10;
  const shared = dataSet.items('SharedFunctionalGroupsSequence')[0];
  const perFrame = dataSet.items('PerFrameFunctionalGroupsSequence');
  const isInverted = pixelFormat(dataSet).photometricInterpretation === 'MONOCHROME1';
  const images: SourceImage[] = [];
  for (const [frame, stored] of decoded.entries()) {
    const macro = (sequence: Keyword): DataSet =>
      perFrame[frame]?.items(sequence)[0] ?? shared?.items(sequence)[0] ?? dataSet;
    const plane = planeOf({
      imageOrientationPatient: macro('PlaneOrientationSequence').numbers('ImageOrientationPatient', 6),
      imagePositionPatient: macro('PlanePositionSequence').numbers('ImagePositionPatient', 3),
      pixelSpacing: macro('PixelMeasuresSequence').numbers('PixelSpacing', 2),
      rows: header.rows,
      columns: header.columns,
    });
    if (typeof plane === 'string') {
      notes.add(plane);
      continue;
    }
    const rescale = rescaleOf(macro('PixelValueTransformationSequence'), header);
    if (typeof rescale === 'string') {
      units.add(rescale);
      continue;
    }
    const ct = header.modality === 'CT' ? ctImageFacts(dataSet, macro, header) : null;
    if (ct) paddingToAir(stored, ct.padding, rescale);
    const pictureKind = pictureKindOf(dataSet, macro);
    images.push({
      plane,
      kind: kindKey(pictureKind),
      pictureKind,
      instanceNumber: header.instanceNumber === null ? frame : header.instanceNumber + frame,
      sopInstanceUid: subject.sopInstanceUid,
      frame,
      frameNumber: decoded.length > 1 ? frame + 1 : null,
      stored,
      ...rescale,
      isInverted: isInverted && header.modality !== 'CT',
      echoTime: pictureKind.echoTime ?? null,
      inversionTime: header.inversionTime,
      scanningSequence: header.scanningSequence,
      ...(ct ? { ct } : {}),
    });
  }
  return images;
}

/** What people write for Hounsfield units; US, unspecified, leaves it to the values. */
const HOUNSFIELD = /^(H\.?U\.?|HOUNSFIELD.*|US)$/i;

/**
 * PS3.3 C.8.2.1.1.3 makes both mandatory for CT: Hounsfield units are read, never assumed.
 * @returns why they are none, in words
 */
function rescaleOf(dataSet: DataSet, header: Header): { slope: number; intercept: number } | string {
  const slope = dataSet.number('RescaleSlope');
  const intercept = dataSet.number('RescaleIntercept');
  if (header.modality !== 'CT') return { slope: slope || 1, intercept: intercept ?? 0 };
  const type = dataSet.string('RescaleType');
  if (!slope || intercept === null) return 'no rescale slope and intercept';
  if (type !== null && !HOUNSFIELD.test(type)) return `rescaled to ${type}, not to HU`;
  return { slope, intercept };
}
