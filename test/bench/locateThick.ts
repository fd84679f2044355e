import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { indexToPatient } from '../../agent/dicom/geometry.js';
import { type Stack, stacksOf } from '../../agent/dicom/stacks.js';
import { readSeries, type SourceImage } from '../../agent/locate/series.js';
import { writePart10 } from '../dicom/writePart10.js';

/** Places inside a thick slice at which the thin ones are read, a slab's mean: 1 mm apart. */
const STEP_MM = 1;
const INTERCEPT = -1024;

/**
 * A CT series as slices of `sliceMm`, side by side, each the mean over its thickness as a scanner reconstructs it.
 * @returns a new temporary folder and its files
 */
export async function thickCt(
  files: readonly string[],
  sliceMm: number,
): Promise<{ folder: string; files: string[] }> {
  const series = await readSeries(files);
  const stack = stacksOf(series.images)[0]!;
  const folder = await mkdtemp(join(tmpdir(), 'calcidisc-bench-thick-'));
  const written: string[] = [];
  const [low, high] = [stack.positionsMm[0]!, stack.positionsMm.at(-1)!];
  for (let at = low + (sliceMm - STEP_MM) / 2; at + (sliceMm - STEP_MM) / 2 <= high; at += sliceMm) {
    const path = join(folder, `${String(written.length + 1).padStart(4, '0')}.dcm`);
    await writeFile(path, imageOf(stack, at, sliceMm, series.seriesInstanceUid, written.length));
    written.push(path);
  }
  return { folder, files: written };
}

function imageOf(
  stack: Stack<SourceImage>,
  atMm: number,
  sliceMm: number,
  uid: string,
  index: number,
): Uint8Array {
  const { plane } = stack.slices[0]!;
  const sum = new Float64Array(plane.rows * plane.columns);
  const places = Array.from(
    { length: Math.round(sliceMm / STEP_MM) },
    (_, i) => atMm - (sliceMm - STEP_MM) / 2 + i * STEP_MM,
  );
  for (const place of places) addHu(stack, place, 1 / places.length, sum);
  const stored = Uint16Array.from(sum, (hu) => Math.min(65535, Math.max(0, Math.round(hu - INTERCEPT))));
  const origin = originAt(stack, atMm);
  const elements = {
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
    SOPInstanceUID: `${uid.slice(0, 56)}.5.${index + 1}`,
    SeriesInstanceUID: uid,
    Modality: 'CT',
    InstanceNumber: String(index + 1),
    ImageOrientationPatient: [...plane.along, ...plane.down].map((v) => v.toFixed(6)).join('\\'),
    ImagePositionPatient: origin.map((mm) => mm.toFixed(4)).join('\\'),
    PixelSpacing: plane.spacingMm.join('\\'),
    SliceThickness: String(sliceMm),
    SamplesPerPixel: [1],
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: [plane.rows],
    Columns: [plane.columns],
    BitsAllocated: [16],
    BitsStored: [16],
    HighBit: [15],
    PixelRepresentation: [0],
    RescaleSlope: '1',
    RescaleIntercept: String(INTERCEPT),
    RescaleType: 'HU',
  };
  return writePart10(elements, { pixelData: new Uint8Array(stored.buffer) });
}

/** Linear between the two slices about a position. */
function addHu(
  { slices, positionsMm }: Stack<SourceImage>,
  atMm: number,
  weight: number,
  into: Float64Array,
): void {
  const above = Math.max(
    1,
    positionsMm.findIndex((position) => position >= atMm - 1e-6),
  );
  const [p, q] = [positionsMm[above - 1]!, positionsMm[above]!];
  const share = Math.min(1, Math.max(0, (atMm - p) / (q - p)));
  for (const [image, part] of [
    [slices[above - 1]!, 1 - share],
    [slices[above]!, share],
  ] as const) {
    if (part === 0) continue;
    const { stored, slope, intercept } = image;
    for (let i = 0; i < into.length; i++) into[i]! += weight * part * (stored[i]! * slope + intercept);
  }
}

function originAt({ slices, positionsMm }: Stack<SourceImage>, atMm: number): readonly number[] {
  const [a, b] = [slices[0]!, slices.at(-1)!].map(({ plane }) => indexToPatient(plane, 0, 0));
  const share = (atMm - positionsMm[0]!) / (positionsMm.at(-1)! - positionsMm[0]!);
  return a!.map((value, axis) => value + share * (b![axis]! - value));
}
