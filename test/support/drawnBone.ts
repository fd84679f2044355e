import type { Vector } from '../../agent/dicom/geometry.js';
import type { Drawn } from './encoded.js';

/** Hounsfield units at a point of the body, or null where what is there stays. */
export type Painting = (x: number, y: number, z: number) => number | null;

/** Axial slices with something drawn over them, in the patient's coordinates. */
export function painted(slices: readonly Drawn[], painting: Painting): Drawn[] {
  return slices.map(({ plane, values }) => {
    const { origin, spacingMm, columns } = plane;
    return {
      plane,
      values: values.map((hu, at) => {
        const x = origin[0] + (at % columns) * spacingMm[1];
        const y = origin[1] + Math.floor(at / columns) * spacingMm[0];
        return painting(x, y, origin[2]) ?? hu;
      }),
    };
  });
}

/** Bone is denser than this; the wall is where so much of something softer begins. */
const BONE_HU = 90;
const SOFT_MM = 3;

/** From inside a vertebral body to where it ends: forwards (-1) or backwards (1); y of the wall. */
export function wallFrom(slices: readonly Drawn[], [x, y, z]: Vector, direction: 1 | -1): number {
  const slice = slices.reduce((a, b) =>
    Math.abs(a.plane.origin[2] - z) <= Math.abs(b.plane.origin[2] - z) ? a : b,
  );
  const { origin, spacingMm, columns } = slice.plane;
  const col = Math.round((x - origin[0]) / spacingMm[1]);
  let soft = 0;
  for (let off = 0; off < 60; off += 0.5) {
    const row = Math.round((y + direction * off - origin[1]) / spacingMm[0]);
    soft = slice.values[row * columns + col]! < BONE_HU ? soft + 0.5 : 0;
    if (soft >= SOFT_MM) return y + direction * (off - SOFT_MM);
  }
  throw new Error('no wall within 6 cm');
}
