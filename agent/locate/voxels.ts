import { indexToPatient, patientToIndex, type Vector } from '../dicom/geometry.js';
import type { CtVolume } from './ctVolume.js';

/** The CT's own voxels inside a box, so that no interpolation touches a Hounsfield value. */
/** The zone at a point of the patient, mm; 0 for none. */
export type ZoneAt = (x: number, y: number, z: number) => number;

export interface VoxelBox {
  /** Voxels along columns, rows, slices. */
  readonly size: readonly [number, number, number];
  /** The same order, mm. */
  readonly spacingMm: readonly [number, number, number];
  /** Which of the three runs most nearly from right to left: planes across it are sagittal. */
  readonly sagittalAxis: 0 | 1 | 2;
  readonly hu: Float32Array;
  /** What `classify` said of each voxel. */
  readonly zone: Uint8Array;
  /** Where a voxel's centre lies, LPS mm. */
  readonly toPatient: (voxel: number) => Vector;
}

/**
 * @param low, high corners of the box, LPS mm
 * @param classify a voxel's zone by the place of its centre, 0 for none
 */
export function voxelsIn(volume: CtVolume, low: Vector, high: Vector, classify: ZoneAt): VoxelBox | null {
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map(
    (bits): Vector => [bits & 1 ? high[0] : low[0], bits & 2 ? high[1] : low[1], bits & 4 ? high[2] : low[2]],
  );
  const inside = volume.slices.flatMap((slice, k) => {
    const at = corners.map((corner) => patientToIndex(slice.plane, corner));
    const away = at.map(([, , distance]) => distance);
    return Math.min(...away) <= 0 && Math.max(...away) >= 0 ? [{ slice, k, at }] : [];
  });
  if (inside.length === 0) return null;
  const { plane } = inside[0]!.slice;
  const [col0, col1] = limits(
    inside.flatMap(({ at }) => at.map(([col]) => col)),
    plane.columns,
  );
  const [row0, row1] = limits(
    inside.flatMap(({ at }) => at.map(([, row]) => row)),
    plane.rows,
  );
  const size = [col1 - col0 + 1, row1 - row0 + 1, inside.length] as const;
  if (size[0] < 1 || size[1] < 1) return null;
  const hu = new Float32Array(size[0] * size[1] * size[2]);
  const zone = new Uint8Array(hu.length);
  let i = 0;
  for (const { slice } of inside) {
    const { origin, along, down, spacingMm, columns } = slice.plane;
    for (let row = row0; row <= row1; row++)
      for (let col = col0; col <= col1; col++, i++) {
        const [a, b] = [col * spacingMm[1], row * spacingMm[0]];
        zone[i] = classify(
          origin[0] + a * along[0] + b * down[0],
          origin[1] + a * along[1] + b * down[1],
          origin[2] + a * along[2] + b * down[2],
        );
        hu[i] = slice.stored[row * columns + col]! * slice.slope + slice.intercept;
      }
  }
  const across = [plane.along[0], plane.down[0], volume.normal[0]].map(Math.abs);
  return {
    size,
    spacingMm: [plane.spacingMm[1], plane.spacingMm[0], volume.sliceMm],
    sagittalAxis: across.indexOf(Math.max(...across)) as 0 | 1 | 2,
    hu,
    zone,
    toPatient: (voxel) => {
      const [col, row] = [col0 + (voxel % size[0]), row0 + (Math.floor(voxel / size[0]) % size[1])];
      return indexToPatient(inside[Math.floor(voxel / (size[0] * size[1]))]!.slice.plane, col, row);
    },
  };
}

function limits(values: readonly number[], count: number): [first: number, last: number] {
  return [Math.max(0, Math.floor(Math.min(...values))), Math.min(count - 1, Math.ceil(Math.max(...values)))];
}

/** 26-connected groups of the voxels that `belongs` to a region, as voxel indices, the largest first. */
export function regionsOf({ size }: VoxelBox, belongs: (voxel: number) => boolean): readonly Int32Array[] {
  const [nx, ny, nz] = size;
  const seen = new Uint8Array(nx * ny * nz);
  const queue = new Int32Array(seen.length);
  const regions: Int32Array[] = [];
  for (let first = 0; first < seen.length; first++) {
    if (seen[first] || !belongs(first)) continue;
    seen[first] = 1;
    queue[0] = first;
    let length = 1;
    for (let head = 0; head < length; head++) {
      const at = queue[head]!;
      const [x, y, z] = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
      for (let dz = Math.max(0, z - 1); dz <= Math.min(nz - 1, z + 1); dz++)
        for (let dy = Math.max(0, y - 1); dy <= Math.min(ny - 1, y + 1); dy++)
          for (let dx = Math.max(0, x - 1); dx <= Math.min(nx - 1, x + 1); dx++) {
            const next = (dz * ny + dy) * nx + dx;
            if (seen[next] || !belongs(next)) continue;
            seen[next] = 1;
            queue[length++] = next;
          }
    }
    regions.push(queue.slice(0, length));
  }
  return regions.sort((a, b) => b.length - a.length);
}

/** The largest area that a region covers on one sagittal plane of voxels, mm2. */
export function sagittalAreaMm2(box: VoxelBox, region: Int32Array): number {
  const { size, sagittalAxis } = box;
  const counts = new Map<number, number>();
  const below = sagittalAxis === 0 ? 1 : sagittalAxis === 1 ? size[0] : size[0] * size[1];
  for (const at of region) {
    const plane = Math.floor(at / below) % size[sagittalAxis];
    counts.set(plane, (counts.get(plane) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values()) * sagittalVoxelMm2(box);
}

/** The area of one voxel on its sagittal plane. */
export function sagittalVoxelMm2({ spacingMm, sagittalAxis }: VoxelBox): number {
  return spacingMm.reduce((area, mm, axis) => (axis === sagittalAxis ? area : area * mm), 1);
}

/**
 * Voxels whose centre lies within an ellipsoid about the centre of a marked one, the marked ones included. Axis by
 * axis: the least of the sums of squares is the least along z of the least along y of the least along x.
 */
export function nearVoxels(
  { size, spacingMm }: Pick<VoxelBox, 'size' | 'spacingMm'>,
  marked: Uint8Array,
  radiusMm: readonly [number, number, number],
): Uint8Array {
  const squares = radiusMm.map((radius, axis) =>
    Float64Array.from(
      { length: Math.floor(radius / spacingMm[axis]!) + 1 },
      (_, d) => ((d * spacingMm[axis]!) / radius) ** 2,
    ),
  ) as [Float64Array, Float64Array, Float64Array];
  const [nx, ny, nz] = size;
  const [alongX, alongY] = scratchOf(marked.length);
  leastAlongRows(marked, nx, squares[0], alongX);
  leastOverRows(alongX, alongY, squares[1], { length: nx, count: ny * nz, step: 1, within: ny });
  const least = alongX;
  leastOverRows(alongY, least, squares[2], { length: nx, count: ny * nz, step: ny, within: ny * nz });
  const near = new Uint8Array(marked.length);
  for (let at = 0; at < near.length; at++) if (least[at]! <= 1) near[at] = 1;
  return near;
}

/** Beyond every limit. */
const FAR = 2;

let scratch: [Float64Array, Float64Array] = [new Float64Array(0), new Float64Array(0)];

/** Megabytes that every call wants twice: kept from one to the next. */
function scratchOf(length: number): [Float64Array, Float64Array] {
  if (scratch[0].length < length) scratch = [new Float64Array(length), new Float64Array(length)];
  return [scratch[0].subarray(0, length), scratch[1].subarray(0, length)];
}

/** The square for the distance to the nearest marked voxel of the same row; FAR beyond the squares. */
function leastAlongRows(marked: Uint8Array, nx: number, squares: Float64Array, least: Float64Array): void {
  const none = squares.length;
  for (let from = 0; from < marked.length; from += nx) {
    for (let at = from, since = none; at < from + nx; at++) {
      since = marked[at] ? 0 : since + 1;
      least[at] = since < none ? squares[since]! : FAR;
    }
    for (let at = from + nx - 1, since = none; at >= from; at--) {
      since = marked[at] ? 0 : since + 1;
      if (since < none && squares[since]! < least[at]!) least[at] = squares[since]!;
    }
  }
}

/** Rows of voxels: neighbours lie `step` rows apart, in blocks of `within` rows. */
interface Rows {
  readonly length: number;
  readonly count: number;
  readonly step: number;
  readonly within: number;
}

/** For each voxel the least sum of a neighbour's value and the square for its distance in rows. */
function leastOverRows(values: Float64Array, least: Float64Array, squares: Float64Array, rows: Rows): void {
  const { length, count, step, within } = rows;
  least.set(values);
  for (let row = 0; row < count; row++) {
    if (isFar(values, row * length, length)) continue;
    const block = Math.floor(row / within) * within;
    for (let d = 1; d < squares.length; d++) {
      const [before, after] = [row - d * step, row + d * step];
      if (before >= block) lower(least, before * length, values, row * length, length, squares[d]!);
      if (after < block + within) lower(least, after * length, values, row * length, length, squares[d]!);
    }
  }
}

function isFar(values: Float64Array, from: number, length: number): boolean {
  for (let at = from; at < from + length; at++) if (values[at]! < FAR) return false;
  return true;
}

function lower(
  least: Float64Array,
  into: number,
  values: Float64Array,
  from: number,
  length: number,
  square: number,
): void {
  for (let i = 0; i < length; i++) {
    const sum = values[from + i]! + square;
    if (sum < least[into + i]!) least[into + i] = sum;
  }
}
