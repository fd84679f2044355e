import type { Vector } from '../dicom/geometry.js';
import { ZONE } from './discZone.js';
import type { CtLabel } from './types.js';
import { nearVoxels, regionsOf, sagittalAreaMm2, sagittalVoxelMm2, type VoxelBox } from './voxels.js';

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
  /** The middle of the calcified region, LPS mm. */
  readonly centreMm: Vector | null;
}

/** Bone smears so far into what touches it, and by a part of a voxel in each direction. */
const BONE_RIM_MM = 1.2;
const BONE_RIM_VOXELS = 0.65;

/** Fewer voxels than this on one sagittal plane are noise. */
const MIN_VOXELS = 3;

/** Slices thicker than this smear a small calcification: below the range no absence, near it no presence. */
const THICK_SLICE_MM = 3.5;
/** On thick slices an area under so many times the least is no certain finding. */
const THICK_AREA_FACTOR = 2.5;

/**
 * Calcification of one disc: the largest region of connected voxels in the range, inside the disc's zone and off
 * the bone beside it. Without one, the Hounsfield units of the disc itself.
 * @param box voxels with their ZONE
 */
export function measure(box: VoxelBox, reference: Reference): Measurement {
  const rim = box.spacingMm.map((mm) => BONE_RIM_MM + BONE_RIM_VOXELS * mm) as [number, number, number];
  const besideBone = nearVoxels(box, boneOf(box, reference.huLow), rim);
  const inRange = (voxel: number) =>
    isInside(box.zone[voxel]!) &&
    !besideBone[voxel] &&
    box.hu[voxel]! >= reference.huLow &&
    box.hu[voxel]! <= reference.huHigh;
  const voxelMm3 = box.spacingMm.reduce((volume, mm) => volume * mm, 1);
  const regions = regionsOf(box, inRange)
    .map((region) => ({ region, areaMm2: sagittalAreaMm2(box, region) }))
    .sort((a, b) => b.areaMm2 - a.areaMm2);
  const leastMm2 = Math.max(reference.minAreaMm2, MIN_VOXELS * sagittalVoxelMm2(box));
  const calcified = regions.filter(({ areaMm2 }) => areaMm2 >= leastMm2 - 1e-6);
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
      centreMm: middleOf(box, calcified[0]!.region),
    };
  }
  const disc = [...box.zone.keys()].filter((voxel) => box.zone[voxel] === ZONE.disc && !besideBone[voxel]);
  const label = disc.length === 0 ? 'indeterminate' : 'not-calcified';
  return { label, ...statistics(disc, box.hu), areaMm2: 0, volumeMm3: 0, centreMm: null };
}

function middleOf(box: VoxelBox, region: Int32Array): Vector {
  const sum = [0, 0, 0];
  for (const voxel of region) for (const [axis, mm] of box.toPatient(voxel).entries()) sum[axis]! += mm;
  return sum.map((mm) => mm / region.length) as unknown as Vector;
}

function isInside(zone: number): boolean {
  return zone === ZONE.disc || zone === ZONE.behind;
}

/** Dense voxels of the marked bones, and dense voxels outside the zone that hang together with them. */
function boneOf(box: VoxelBox, huLow: number): Uint8Array {
  const bone = new Uint8Array(box.hu.length);
  const dense = (voxel: number) => !isInside(box.zone[voxel]!) && box.hu[voxel]! >= huLow;
  for (const region of regionsOf(box, dense))
    if (region.some((voxel) => box.zone[voxel] === ZONE.bone)) for (const voxel of region) bone[voxel] = 1;
  return bone;
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
