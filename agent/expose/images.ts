import { readFile } from 'node:fs/promises';
import type { Tx } from '../../db/server/knex.js';
import { listInstances } from '../../db/tables/instances.js';
import { listSeriesOfStudy, type SeriesRow } from '../../db/tables/series.js';
import type { CaseView } from '../../db/views/caseView.js';
import type { DataSet } from '../dicom/elements.js';
import type { Keyword } from '../dicom/keywords.js';
import { parsePart10 } from '../dicom/parse.js';
import { decodeFrames, pixelFormat } from '../dicom/pixels.js';
import { CalcidiscError } from '../domain/errors.js';
import type { Files, HeldImage } from '../holders/files.js';
import { greyPng } from '../locate/png.js';
import { GREY_PERCENTILES } from '../locate/region.js';
import { percentiles } from '../locate/resample.js';

/** Grey values are spread from centre - width / 2 to centre + width / 2 (PS3.3 C.11.2.1.2, LINEAR_EXACT). */
export interface GreyWindow {
  readonly center: number;
  readonly width: number;
}

/** One image of a series, in the order in which they are scrolled through. */
export interface PlacedImage extends HeldImage {
  /** From 0, of an object with several. */
  readonly frame: number;
}

export interface ShownImage {
  readonly png: Uint8Array;
  readonly rows: number;
  readonly columns: number;
  readonly spacingMm: readonly [row: number, col: number];
  readonly window: GreyWindow;
}

/** The series of a case that somebody may scroll through: the study's MR, whether read or passed over, and the CT that was measured. */
export async function seriesOfCase(tx: Tx, { study, ctSeries }: CaseView): Promise<SeriesRow[]> {
  const own = (await listSeriesOfStudy(tx, study.studyInstanceUid)).filter(
    ({ modality }) => modality === 'MR' || modality === 'CT',
  );
  const isOwn = own.some(({ seriesInstanceUid }) => seriesInstanceUid === ctSeries?.seriesInstanceUid);
  return ctSeries && !isOwn ? [...own, ctSeries] : own;
}

/** @param files to look into an object that may hold several images */
export async function imagesOfSeries(
  tx: Tx,
  files: Files,
  seriesInstanceUid: string,
): Promise<PlacedImage[]> {
  const instances = await listInstances(tx, seriesInstanceUid);
  if (instances.length !== 1) return instances.map((each) => ({ ...each, frame: 0 }));
  const { numberOfFrames } = await files.header(instances[0]!);
  return Array.from({ length: Math.max(1, numberOfFrames ?? 1) }, (_, frame) => ({
    ...instances[0]!,
    frame,
  }));
}

/** @param window null: as the image itself says. @throws CalcidiscError PIXELS_UNSUPPORTED, IMAGES_PURGED, HOLDER_AWAY, NOT_DICOM */
export function showImage(files: Files, image: PlacedImage, window: GreyWindow | null): Promise<ShownImage> {
  return files.using([image], async ([path]) => {
    const bytes = await readFile(path!).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') throw cause;
      throw new CalcidiscError('IMAGES_PURGED', 'the file of this image is not there any more', {
        sopInstanceUid: image.sopInstanceUid,
      });
    });
    return render(bytes, image.frame, window);
  });
}

async function render(bytes: Uint8Array, frame: number, wanted: GreyWindow | null): Promise<ShownImage> {
  const part10 = parsePart10(bytes);
  const { dataSet } = part10;
  const stored = (await decodeFrames(part10))[frame];
  if (!stored) throw new CalcidiscError('PIXELS_UNSUPPORTED', `the object has no frame ${frame + 1}`);
  const { rows, columns, photometricInterpretation } = pixelFormat(dataSet);
  const macro = macroOf(dataSet, frame);
  const rescale = macro('PixelValueTransformationSequence');
  const [slope, intercept] = [rescale.number('RescaleSlope') || 1, rescale.number('RescaleIntercept') ?? 0];
  const values = Float32Array.from(stored, (value) => value * slope + intercept);
  const window = wanted ?? windowOf(macro('FrameVOILUTSequence'), values);
  const grey = greyOf(values, window, photometricInterpretation === 'MONOCHROME1');
  const [row = 1, col = 1] = macro('PixelMeasuresSequence').numbers('PixelSpacing', 2) ?? [];
  return {
    png: await greyPng(grey, rows, columns),
    rows,
    columns,
    spacingMm: row > 0 && col > 0 ? [row, col] : [1, 1],
    window,
  };
}

/** Of one frame, else of all, else of the object (PS3.3 C.7.6.16). */
function macroOf(dataSet: DataSet, frame: number): (sequence: Keyword) => DataSet {
  const shared = dataSet.items('SharedFunctionalGroupsSequence')[0];
  const own = dataSet.items('PerFrameFunctionalGroupsSequence')[frame];
  return (sequence) => own?.items(sequence)[0] ?? shared?.items(sequence)[0] ?? dataSet;
}

function windowOf(macro: DataSet, values: Float32Array): GreyWindow {
  const center = macro.number('WindowCenter');
  const width = macro.number('WindowWidth');
  if (center !== null && width !== null && width >= 1) return { center, width };
  const [low = 0, high = 1] = percentiles(values, GREY_PERCENTILES);
  return { center: (low + high) / 2, width: Math.max(1, high - low) };
}

function greyOf(values: Float32Array, { center, width }: GreyWindow, isInverted: boolean): Uint8Array {
  const grey = new Uint8Array(values.length);
  const low = center - width / 2;
  for (let i = 0; i < values.length; i++) {
    const shade = Math.round(Math.min(255, Math.max(0, ((values[i]! - low) * 255) / width)));
    grey[i] = isInverted ? 255 - shade : shade;
  }
  return grey;
}
