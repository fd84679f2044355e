import { dot, normalOf, type Plane, patientToIndex, type Vector } from '../dicom/geometry.js';
import type { Stack } from '../dicom/stacks.js';
import type { SourceImage } from './series.js';

/** CT slices in order, readable at any point of the patient. A tilted gantry is no matter: each slice has its plane. */
export interface CtVolume {
  readonly slices: readonly SourceImage[];
  readonly positionsMm: readonly number[];
  readonly normal: Vector;
  /** [min, max] of the pixel centres, x then y then z, LPS mm. */
  readonly bounds: readonly [Vector, Vector];
  /** Distance of neighbouring slices. */
  readonly sliceMm: number;
}

/** Hounsfield value of air, and of whatever lies outside the scan. */
export const AIR_HU = -1024;

export function ctVolumeOf({ slices, positionsMm, spacingMm }: Stack<SourceImage>): CtVolume {
  const corners = slices.flatMap(({ plane }) => cornersOf(plane));
  const side = (pick: (...values: number[]) => number): Vector =>
    [0, 1, 2].map((axis) =>
      corners.reduce((best, corner) => pick(best, corner[axis]!), corners[0]![axis]!),
    ) as unknown as Vector;
  return {
    slices,
    positionsMm,
    normal: normalOf(slices[0]!.plane),
    bounds: [side(Math.min), side(Math.max)],
    sliceMm: spacingMm ?? 1,
  };
}

function cornersOf(plane: Plane): Vector[] {
  const { origin, along, down, spacingMm, rows, columns } = plane;
  const [x, y] = [(columns - 1) * spacingMm[1], (rows - 1) * spacingMm[0]];
  return [
    [0, 0],
    [x, 0],
    [0, y],
    [x, y],
  ].map(([a, b]) => origin.map((o, i) => o + a! * along[i]! + b! * down[i]!) as unknown as Vector);
}

/**
 * Hounsfield units on a plane, linear between the slices and within them; AIR_HU outside.
 * @returns rows * columns values
 */
export function sampleCt(volume: CtVolume, plane: Plane): Float32Array {
  const { rows, columns } = plane;
  const values = new Float32Array(rows * columns).fill(AIR_HU);
  const stepAlong = scaled(plane.along, plane.spacingMm[1]);
  const stepDown = scaled(plane.down, plane.spacingMm[0]);
  const affine = volume.slices.map((slice) => affineOf(slice.plane, plane.origin, stepAlong, stepDown));
  const start = dot(plane.origin, volume.normal);
  const [perCol, perRow] = [dot(stepAlong, volume.normal), dot(stepDown, volume.normal)];
  let k = 0;
  for (let row = 0; row < rows; row++)
    for (let col = 0; col < columns; col++) {
      const at = start + col * perCol + row * perRow;
      k = sliceBelow(volume.positionsMm, at, Math.max(k, 0));
      if (k < 0) continue;
      const span = volume.positionsMm[k + 1]! - volume.positionsMm[k]!;
      const share = (at - volume.positionsMm[k]!) / span;
      const low = valueIn(volume.slices[k]!, affine[k]!, col, row);
      const high = valueIn(volume.slices[k + 1]!, affine[k + 1]!, col, row);
      values[row * columns + col] = low * (1 - share) + high * share;
    }
  return values;
}

/** Column and row of a slice as linear functions of another plane's column and row. */
interface Affine {
  readonly col: readonly [start: number, perCol: number, perRow: number];
  readonly row: readonly [start: number, perCol: number, perRow: number];
}

function affineOf(slice: Plane, origin: Vector, stepAlong: Vector, stepDown: Vector): Affine {
  const [col, row] = patientToIndex(slice, origin);
  const { along, down, spacingMm } = slice;
  return {
    col: [col, dot(stepAlong, along) / spacingMm[1], dot(stepDown, along) / spacingMm[1]],
    row: [row, dot(stepAlong, down) / spacingMm[0], dot(stepDown, down) / spacingMm[0]],
  };
}

function valueIn(
  { stored, plane, slope, intercept }: SourceImage,
  affine: Affine,
  col: number,
  row: number,
): number {
  const x = affine.col[0] + col * affine.col[1] + row * affine.col[2];
  const y = affine.row[0] + col * affine.row[1] + row * affine.row[2];
  const { columns, rows } = plane;
  if (x < 0 || y < 0 || x > columns - 1 || y > rows - 1) return AIR_HU;
  const x0 = Math.min(Math.floor(x), columns - 2);
  const y0 = Math.min(Math.floor(y), rows - 2);
  const [fx, fy] = [x - x0, y - y0];
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
