import { mapVector, normalOf, type Plane, type Vector } from '../dicom/geometry.js';
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
  /** What is unusual about the slices' order. */
  readonly notes: Stack['notes'];
}

/** Hounsfield value of air, and of whatever lies outside the scan. */
export const AIR_HU = -1024;

export function ctVolumeOf({ slices, positionsMm, spacingMm, notes }: Stack<SourceImage>): CtVolume {
  const corners = slices.flatMap(({ plane }) => cornersOf(plane));
  const side = (pick: (...values: number[]) => number): Vector =>
    mapVector(corners[0]!, (first, axis) =>
      corners.reduce((best, corner) => pick(best, corner[axis]!), first),
    );
  return {
    slices,
    positionsMm,
    normal: normalOf(slices[0]!.plane),
    bounds: [side(Math.min), side(Math.max)],
    sliceMm: spacingMm ?? 1,
    notes,
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
  ].map(([a, b]) => mapVector(origin, (o, i) => o + a! * along[i]! + b! * down[i]!));
}
