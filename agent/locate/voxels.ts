import { indexToPatient, patientToIndex, type Vector } from '../dicom/geometry.js';
import type { CtVolume } from './ctVolume.js';

/** The CT's own voxels inside a box, so that no interpolation touches a Hounsfield value. */
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
export function voxelsIn(
  volume: CtVolume,
  low: Vector,
  high: Vector,
  classify: (point: Vector) => number,
): VoxelBox | null {
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
  for (const { slice } of inside)
    for (let row = row0; row <= row1; row++)
      for (let col = col0; col <= col1; col++, i++) {
        zone[i] = classify(indexToPatient(slice.plane, col, row));
        hu[i] = slice.stored[row * plane.columns + col]! * slice.slope + slice.intercept;
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

/** Voxels whose centre lies within an ellipsoid about the centre of a marked one, the marked ones included. */
export function nearVoxels(
  { size, spacingMm }: VoxelBox,
  marked: Uint8Array,
  radiusMm: readonly [number, number, number],
): Uint8Array {
  const near = marked.slice();
  const [nx, ny, nz] = size;
  const offsets = ellipsoid(spacingMm, radiusMm);
  for (let z = 0, at = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++, at++) {
        if (!marked[at] || isBuried(marked, at, x, y, z, size)) continue;
        for (let k = 0; k < offsets.length; k += 3) {
          const [dx, dy, dz] = [x + offsets[k]!, y + offsets[k + 1]!, z + offsets[k + 2]!];
          if (dx < 0 || dy < 0 || dz < 0 || dx >= nx || dy >= ny || dz >= nz) continue;
          near[(dz * ny + dy) * nx + dx] = 1;
        }
      }
  return near;
}

/** Inside a marked body: what lies near it lies near the body's surface too, or in the body. */
function isBuried(
  marked: Uint8Array,
  at: number,
  x: number,
  y: number,
  z: number,
  [nx, ny, nz]: VoxelBox['size'],
): boolean {
  if (x === 0 || y === 0 || z === 0 || x === nx - 1 || y === ny - 1 || z === nz - 1) return false;
  const row = nx * ny;
  return !!(
    marked[at - 1] &&
    marked[at + 1] &&
    marked[at - nx] &&
    marked[at + nx] &&
    marked[at - row] &&
    marked[at + row]
  );
}

/** Voxel offsets [x, y, z, x, y, z, ...] whose length fits into the ellipsoid. */
function ellipsoid(
  spacingMm: VoxelBox['spacingMm'],
  radiusMm: readonly [number, number, number],
): Int32Array {
  const reach = radiusMm.map((mm, axis) => Math.floor(mm / spacingMm[axis]!)) as [number, number, number];
  const offsets: number[] = [];
  for (let z = -reach[2]; z <= reach[2]; z++)
    for (let y = -reach[1]; y <= reach[1]; y++)
      for (let x = -reach[0]; x <= reach[0]; x++) {
        const share = [x, y, z].reduce(
          (sum, d, axis) => sum + ((d * spacingMm[axis]!) / radiusMm[axis]!) ** 2,
          0,
        );
        if (share <= 1) offsets.push(x, y, z);
      }
  return Int32Array.from(offsets);
}
