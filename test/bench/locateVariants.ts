import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { indexToPatient } from '../../agent/dicom/geometry.js';
import { stacksOf } from '../../agent/dicom/stacks.js';
import { rescale } from '../../agent/locate/resample.js';
import { sagittalOf } from '../../agent/locate/sagittal.js';
import { readSeries } from '../../agent/locate/series.js';
import type { PixelBox } from '../../agent/locate/types.js';
import { writePart10 } from '../dicom/writePart10.js';
import { type Motion, withMotion } from '../support/motion.js';
import { rimmed, throughJpeg } from './exportedPictures.js';
import type { TrueDisc, TrueSeries } from './locateTruth.js';
import { withResidualDisc, withWholeDisc } from './residualDisc.js';
import { withFusedSegment, withRudiment, withSlip, withSteepSacrum } from './unusualSpines.js';

/** One slice while it is altered: pixels in the sagittal convention, with what is known of it. */
export interface Slice {
  readonly sopInstanceUid: string;
  readonly pixels: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly spacingMm: number;
  readonly origin: readonly [number, number, number];
  readonly discs: readonly TrueDisc[];
  /** The label mask of the same picture where there is one: 29 disc, 76 vertebra, 150 canal. */
  readonly mask: Uint8Array | null;
}

type Alter = (slices: readonly Slice[], patient: string) => readonly Slice[] | Promise<readonly Slice[]>;

/** What a series is made into before it is located. `plain` is the series itself. */
export const VARIANTS: Readonly<Record<string, Alter>> = {
  coarse: (slices) => slabs(slices, 5).map((slice) => shrunk(slice, 2)),
  inverted: (slices) => slices.map(inverted),
  't1-like': (slices) => slices.map(t1Like),
  'cut-below-l5': (slices) => cutAt(slices, 'L5-S1', -6, 'below'),
  'cut-through-l5': (slices) => cutAt(slices, 'L5-S1', -18, 'below'),
  'cut-below-l4': (slices) => cutAt(slices, 'L4-L5', -6, 'below'),
  'cut-above-l2': (slices) => cutAt(slices, 'L1-L2', 9, 'above'),
  'residual-disc': withResidualDisc,
  'whole-disc': withWholeDisc,
  slip: withSlip,
  steep: withSteepSacrum,
  fused: withFusedSegment,
  rudiment: withRudiment,
  'cut-12-below': (slices) => cutAt(slices, 'L5-S1', 12, 'below'),
  'cut-20-below': (slices) => cutAt(slices, 'L5-S1', 20, 'below'),
  'cut-30-below': (slices) => cutAt(slices, 'L5-S1', 30, 'below'),
  jpeg: (slices) => Promise.all(slices.map(throughJpeg)),
  rim: (slices) => slices.map(rimmed),
  'motion-ap': (slices) => slices.map((slice) => swinging(slice, { phase: 'AP', along: 'AP' }, 2)),
  'motion-ap-small': (slices) => slices.map((slice) => swinging(slice, { phase: 'AP', along: 'HF' }, 1)),
  'motion-hf': (slices) => slices.map((slice) => swinging(slice, { phase: 'HF', along: 'AP' }, 2)),
};

/** Variants that average neighbouring slices want all of them: series wrapped with --stride 1. */
export const WANTS_ALL_SLICES: ReadonlySet<string> = new Set(['coarse']);

/** Writes the altered series to a new temporary folder. @returns null where it cannot be made */
export async function alteredSeries(
  truth: TrueSeries,
  variant: string,
  maskOf: (sopInstanceUid: string) => string | null,
): Promise<TrueSeries | null> {
  const series = await readSeries(truth.files);
  const stack = stacksOf(series.images)[0]!;
  const slices = await Promise.all(
    stack.slices.map(async (image): Promise<Slice> => {
      const { pixels, rows, columns, plane } = sagittalOf(image);
      const mask = maskOf(image.sopInstanceUid);
      return {
        sopInstanceUid: image.sopInstanceUid,
        pixels,
        rows,
        columns,
        spacingMm: plane.spacingMm[0],
        origin: plane.origin,
        discs: truth.discs.get(image.sopInstanceUid) ?? [],
        mask: mask ? new Uint8Array(await sharp(mask).extractChannel(0).raw().toBuffer()) : null,
      };
    }),
  );
  const altered = await VARIANTS[variant]!(slices, (series.header.patientId ?? '').replace(/^SPIDER/, ''));
  return altered.length === 0
    ? null
    : writeSeries(altered, series.seriesInstanceUid, series.header.patientId ?? '');
}

async function writeSeries(slices: readonly Slice[], uid: string, patientId: string): Promise<TrueSeries> {
  const folder = await mkdtemp(join(tmpdir(), 'calcidisc-bench-locate-'));
  await mkdir(folder, { recursive: true });
  const files: string[] = [];
  for (const [i, slice] of slices.entries()) {
    const path = join(folder, `${String(i).padStart(4, '0')}.dcm`);
    const stored = Uint16Array.from(slice.pixels, (value) => Math.min(65535, Math.max(0, Math.round(value))));
    const elements = {
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.4',
      SOPInstanceUID: slice.sopInstanceUid,
      SeriesInstanceUID: uid,
      Modality: 'MR',
      PatientID: patientId,
      InstanceNumber: String(i + 1),
      ImageOrientationPatient: '0\\1\\0\\0\\0\\-1',
      ImagePositionPatient: slice.origin.map((mm) => mm.toFixed(4)).join('\\'),
      PixelSpacing: `${slice.spacingMm}\\${slice.spacingMm}`,
      SamplesPerPixel: [1],
      PhotometricInterpretation: 'MONOCHROME2',
      Rows: [slice.rows],
      Columns: [slice.columns],
      BitsAllocated: [16],
      BitsStored: [16],
      HighBit: [15],
      PixelRepresentation: [0],
    };
    await writeFile(path, writePart10(elements, { pixelData: new Uint8Array(stored.buffer) }));
    files.push(path);
  }
  return {
    folder,
    files,
    modality: 'MR',
    discs: new Map(slices.map(({ sopInstanceUid, discs }) => [sopInstanceUid, discs])),
  };
}

/** Slices as thick as `count` of these: means of neighbours; the middle one's truth stands. */
function slabs(slices: readonly Slice[], count: number): Slice[] {
  const thick: Slice[] = [];
  for (let i = 0; i + count <= slices.length; i += count) {
    const group = slices.slice(i, i + count);
    const pixels = new Float32Array(group[0]!.pixels.length);
    for (const { pixels: own } of group)
      for (let k = 0; k < pixels.length; k++) pixels[k]! += own[k]! / count;
    thick.push({ ...group[count >> 1]!, pixels });
  }
  return thick;
}

function shrunk(slice: Slice, factor: number): Slice {
  const { spacingMm, origin } = slice;
  const shift = ((factor - 1) / 2) * spacingMm;
  const place = (index: number) => (index + 0.5) / factor - 0.5;
  return {
    ...slice,
    ...rescale(slice, factor, factor),
    spacingMm: spacingMm * factor,
    origin: [origin[0], origin[1] + shift, origin[2] - shift],
    discs: slice.discs.map((disc) => ({
      ...disc,
      boxPixel: disc.boxPixel && (disc.boxPixel.map(place) as unknown as PixelBox),
    })),
  };
}

function inverted(slice: Slice): Slice {
  const top = slice.pixels.reduce((a, b) => Math.max(a, b), 0);
  return { ...slice, pixels: slice.pixels.map((value) => top - value) };
}

/** The body swings so far to either side while a slice is measured, once in eight lines. */
function swinging(slice: Slice, axes: Pick<Motion, 'phase' | 'along'>, mm: number): Slice {
  const motion = { ...axes, amplitudePx: mm / slice.spacingMm, periodLines: 8 };
  return { ...slice, pixels: withMotion(slice, motion) };
}

/** By the label mask: fluid dark, discs a little darker than bone, the rest as it is. */
function t1Like(slice: Slice): Slice {
  const { mask, pixels } = slice;
  if (!mask) return slice;
  const top = pixels.reduce((a, b) => Math.max(a, b), 1);
  const altered = pixels.map((value, i) => {
    const share = value / top;
    if (mask[i] === 150) return top * (0.32 - 0.2 * share);
    if (mask[i] === 29) return top * (0.36 + 0.08 * (share - 0.3));
    if (mask[i] === 76) return top * (0.5 + 0.25 * (share - 0.4));
    return value;
  });
  return { ...slice, pixels: altered };
}

/** Cut below or above a line at the disc's centre plus `mm` downwards; discs cut off are no longer truth. */
function cutAt(slices: readonly Slice[], level: string, mm: number, side: 'below' | 'above'): Slice[] {
  const rows = slices.flatMap((slice) => {
    const disc = slice.discs.find((one) => one.level === level);
    return disc ? [(slice.origin[2] - disc.centrePatientMm[2] + mm) / slice.spacingMm] : [];
  });
  if (rows.length === 0) return [];
  const row = Math.round(rows.sort((a, b) => a - b)[rows.length >> 1]!);
  return slices.map((slice) => {
    const [from, to] = side === 'below' ? [0, row] : [row, slice.rows];
    const plane = {
      origin: slice.origin,
      along: [0, 1, 0] as const,
      down: [0, 0, -1] as const,
      spacingMm: [slice.spacingMm, slice.spacingMm] as const,
      rows: slice.rows,
      columns: slice.columns,
    };
    const inside = slice.discs.filter(({ boxPixel }) => boxPixel && boxPixel[1] >= from && boxPixel[3] < to);
    return {
      ...slice,
      pixels: slice.pixels.slice(from * slice.columns, to * slice.columns),
      mask: slice.mask?.slice(from * slice.columns, to * slice.columns) ?? null,
      rows: to - from,
      origin: indexToPatient(plane, 0, from),
      discs: inside.map((disc) => ({
        ...disc,
        boxPixel: disc.boxPixel!.map((at, i) => (i % 2 === 1 ? at - from : at)) as unknown as PixelBox,
      })),
    };
  });
}
