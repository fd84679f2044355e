import type { CtLabel } from './types.js';
import { regionsOf, sagittalAreaMm2, type VoxelBox } from './voxels.js';

/** The study's range, and the least area that counts. */
export interface Reference {
  readonly huLow: number;
  readonly huHigh: number;
  readonly minAreaMm2: number;
}

export interface Measurement {
  readonly label: CtLabel;
  readonly meanHu: number | null;
  readonly maxHu: number | null;
  readonly areaMm2: number;
  readonly volumeMm3: number;
}

/** Slices thicker than this smear a small calcification: below the range no absence, near it no presence. */
const THICK_SLICE_MM = 3.5;
/** On thick slices an area under so many times the least is no certain finding. */
const THICK_AREA_FACTOR = 2.5;

/**
 * Calcification of one disc: the largest region of connected voxels in the range, inside the disc's zone.
 * Without one, the Hounsfield units of the disc itself.
 * @param box voxels with a zone of 0 outside, the disc itself being zone 1
 */
export function measure(box: VoxelBox, reference: Reference): Measurement {
  const inRange = (voxel: number) =>
    box.zone[voxel] !== 0 && box.hu[voxel]! >= reference.huLow && box.hu[voxel]! <= reference.huHigh;
  const voxelMm3 = box.spacingMm.reduce((volume, mm) => volume * mm, 1);
  const regions = regionsOf(box, inRange)
    .map((region) => ({ region, areaMm2: sagittalAreaMm2(box, region) }))
    .sort((a, b) => b.areaMm2 - a.areaMm2);
  const calcified = regions.filter(({ areaMm2 }) => areaMm2 >= reference.minAreaMm2);
  const isThick = box.spacingMm[2] > THICK_SLICE_MM;
  if (calcified.length > 0) {
    const { areaMm2 } = calcified[0]!;
    const isSure = !isThick || areaMm2 >= THICK_AREA_FACTOR * reference.minAreaMm2;
    const voxels = calcified.flatMap(({ region }) => [...region]);
    return {
      label: isSure ? 'calcified' : 'indeterminate',
      ...statistics(voxels, box.hu),
      areaMm2,
      volumeMm3: voxels.length * voxelMm3,
    };
  }
  const disc = [...box.zone.keys()].filter((voxel) => box.zone[voxel] === 1);
  const label = disc.length === 0 ? 'indeterminate' : 'not-calcified';
  return { label, ...statistics(disc, box.hu), areaMm2: 0, volumeMm3: 0 };
}

function statistics(
  voxels: readonly number[],
  hu: Float32Array,
): { meanHu: number | null; maxHu: number | null } {
  if (voxels.length === 0) return { meanHu: null, maxHu: null };
  let [sum, max] = [0, Number.NEGATIVE_INFINITY];
  for (const voxel of voxels) {
    sum += hu[voxel]!;
    max = Math.max(max, hu[voxel]!);
  }
  return { meanHu: sum / voxels.length, maxHu: max };
}
