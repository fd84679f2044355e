import { dot, type Plane, patientToIndex, type Vector } from '../dicom/geometry.js';
import { AIR_HU } from './ctHeader.js';
import type { CtVolume } from './ctVolume.js';
import type { SourceImage } from './series.js';

/**
 * Hounsfield units on a plane, linear between the slices and within them; AIR_HU outside.
 * @returns rows * columns values
 */
export function sampleCt(volume: CtVolume, plane: Plane): Float32Array {
  return sampleParallel(volume, plane, [plane.origin])[0]!;
}

/**
 * The same on several planes at once that differ in their origin only. Rows run together through all of them, so
 * that a slice's pixels are read while they are near.
 */
export function sampleParallel(
  volume: CtVolume,
  plane: Plane,
  origins: readonly Vector[],
): readonly Float32Array[] {
  const readers = origins.map((origin) => readerOf(volume, { ...plane, origin }));
  for (let row = 0; row < plane.rows; row++) for (const reader of readers) readRow(reader, row);
  return readers.map(({ values }) => values);
}

/** One plane while it is read. */
interface Reader {
  readonly volume: CtVolume;
  readonly values: Float32Array;
  readonly columns: number;
  readonly affines: Float64Array;
  /** Along the slices' normal: where the first pixel lies, and how far a column and a row lead. */
  readonly start: number;
  readonly perCol: number;
  readonly perRow: number;
  /** No row leads to another place within a slice: its values along a row serve all rows. */
  readonly isUpright: boolean;
  readonly lines: Lines;
  below: number;
}

/** The values of two neighbouring slices along a row. */
interface Lines {
  low: Float64Array;
  high: Float64Array;
  /** The slices they are of; -1 for none. */
  lowOf: number;
  highOf: number;
}

function readerOf(volume: CtVolume, { origin, along, down, spacingMm, rows, columns }: Plane): Reader {
  const stepAlong = scaled(along, spacingMm[1]);
  const stepDown = scaled(down, spacingMm[0]);
  const affines = affinesOf(volume.slices, origin, stepAlong, stepDown);
  const perCol = dot(stepAlong, volume.normal);
  return {
    volume,
    values: new Float32Array(rows * columns).fill(AIR_HU),
    columns,
    affines,
    start: dot(origin, volume.normal),
    perCol,
    perRow: dot(stepDown, volume.normal),
    isUpright: perCol === 0 && affines.every((value, i) => i % 3 < 2 || value === 0),
    lines: { low: new Float64Array(columns), high: new Float64Array(columns), lowOf: -1, highOf: -1 },
    below: 0,
  };
}

function readRow(reader: Reader, row: number): void {
  if (reader.isUpright) readUprightRow(reader, row);
  else readSlantedRow(reader, row);
}

function readUprightRow(reader: Reader, row: number): void {
  const { volume, values, columns, lines } = reader;
  const at = reader.start + row * reader.perRow;
  reader.below = sliceBelow(volume.positionsMm, at, Math.max(reader.below, 0));
  const k = reader.below;
  if (k < 0) return;
  moveTo(reader, k, row);
  const share = (at - volume.positionsMm[k]!) / (volume.positionsMm[k + 1]! - volume.positionsMm[k]!);
  const { low, high } = lines;
  for (let col = 0; col < columns; col++)
    values[row * columns + col] = low[col]! * (1 - share) + high[col]! * share;
}

/** Rows go through the slices in order: mostly one of the two lines is there already. */
function moveTo({ volume, affines, columns, lines }: Reader, k: number, row: number): void {
  if (lines.lowOf === k && lines.highOf === k + 1) return;
  if (lines.lowOf === k + 1 || lines.highOf === k) {
    [lines.low, lines.high] = [lines.high, lines.low];
    [lines.lowOf, lines.highOf] = [lines.highOf, lines.lowOf];
  }
  const read = (slice: number, line: Float64Array) => {
    for (let col = 0; col < columns; col++)
      line[col] = valueIn(volume.slices[slice]!, affines, slice, col, row);
    return slice;
  };
  if (lines.lowOf !== k) lines.lowOf = read(k, lines.low);
  if (lines.highOf !== k + 1) lines.highOf = read(k + 1, lines.high);
}

function readSlantedRow(reader: Reader, row: number): void {
  const { volume, values, columns, affines, start, perCol, perRow } = reader;
  const { positionsMm, slices } = volume;
  for (let col = 0; col < columns; col++) {
    const at = start + col * perCol + row * perRow;
    reader.below = sliceBelow(positionsMm, at, Math.max(reader.below, 0));
    const k = reader.below;
    if (k < 0) continue;
    const share = (at - positionsMm[k]!) / (positionsMm[k + 1]! - positionsMm[k]!);
    const low = valueIn(slices[k]!, affines, k, col, row);
    const high = valueIn(slices[k + 1]!, affines, k + 1, col, row);
    values[row * columns + col] = low * (1 - share) + high * share;
  }
}

/**
 * Column and row of each slice as linear functions of another plane's column and row, six numbers a slice:
 * [column at the origin, per column, per row, row at the origin, per column, per row].
 */
function affinesOf(
  slices: readonly SourceImage[],
  origin: Vector,
  stepAlong: Vector,
  stepDown: Vector,
): Float64Array {
  const affines = new Float64Array(AFFINE * slices.length);
  for (const [k, { plane }] of slices.entries()) {
    const [col, row] = patientToIndex(plane, origin);
    const { along, down, spacingMm } = plane;
    affines.set(
      [
        col,
        dot(stepAlong, along) / spacingMm[1],
        dot(stepDown, along) / spacingMm[1],
        row,
        dot(stepAlong, down) / spacingMm[0],
        dot(stepDown, down) / spacingMm[0],
      ],
      AFFINE * k,
    );
  }
  return affines;
}

const AFFINE = 6;

/** Called twice for each of millions of points: plain numbers, nothing allocated. */
function valueIn(
  { stored, plane, slope, intercept }: SourceImage,
  affines: Float64Array,
  k: number,
  col: number,
  row: number,
): number {
  const a = AFFINE * k;
  const x = affines[a]! + col * affines[a + 1]! + row * affines[a + 2]!;
  const y = affines[a + 3]! + col * affines[a + 4]! + row * affines[a + 5]!;
  const { columns, rows } = plane;
  if (x < 0 || y < 0 || x > columns - 1 || y > rows - 1) return AIR_HU;
  const x0 = Math.min(Math.floor(x), columns - 2);
  const y0 = Math.min(Math.floor(y), rows - 2);
  const fx = x - x0;
  const fy = y - y0;
  const i = y0 * columns + x0;
  const top = stored[i]! * (1 - fx) + stored[i + 1]! * fx;
  const bottom = stored[i + columns]! * (1 - fx) + stored[i + columns + 1]! * fx;
  return (top * (1 - fy) + bottom * fy) * slope + intercept;
}

/** The last slice at or below a position, so that another lies above; -1 outside the stack. `guess` is tried first. */
function sliceBelow(positions: readonly number[], at: number, guess: number): number {
  if (positions[guess]! <= at && at < (positions[guess + 1] ?? Number.NEGATIVE_INFINITY)) return guess;
  let [low, high] = [0, positions.length - 1];
  if (high < 1 || at < positions[0]! || at > positions[high]!) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (positions[middle]! <= at) low = middle;
    else high = middle;
  }
  return low;
}

function scaled(v: Vector, factor: number): Vector {
  return [v[0] * factor, v[1] * factor, v[2] * factor];
}
