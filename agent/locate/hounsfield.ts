import { add, mapVector, type Vector } from '../dicom/geometry.js';
import type { CtLabel } from '../domain/ctLabels.js';
import { THICK_SLICE_MM } from '../domain/ctReading.js';
import { ZONE } from './discZone.js';
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

/** A calcification's core lies so far from bone, and a part of a voxel further: corners and end plates do not. */
const BONE_RIM_MM = 2.8;
const BONE_RIM_VOXELS = 0.65;
/** What hangs together with a marked bone is bone, this far from the mark. */
const BONE_REACH_MM = 2.5;
/** Marked so deep, it is bone whatever its density: an old patient's marrow lies below the range. */
const DEEP_MM = 2.5;
/** A core is surrounded by its like; its edges, beside bone too, are taken back into it up to here. */
const EDGE_MM = 3.3;
/** Smaller finds are noise or partial volume: a ball of 3.9 mm, or fewer voxels than this on a sagittal plane. */
const MIN_VOLUME_MM3 = 30;
const MIN_VOXELS = 3;

/** What borders denser things with half of its surface is their edge: a corner, a lip, an end plate. */
const MAX_DENSE_SURFACE = 0.5;
/** A find whose second slice shows less than this share of its first is one slice's partial volume, perhaps. */
const MIN_SECOND_SLICE = 0.2;
/** Near bone a find has no core off it; behind the disc it is a lump, where the bone's rim is a thin shell. */
const LUMP = { minVolumeMm3: 100, minVolumePerSurfaceMm: 0.4, minVolumePerSurfaceVoxels: 0.6 } as const;
/** Noise makes finds below its floor; one of this size may be more than noise, and then neither is stated. */
const MIN_LARGE_VOLUME_MM3 = 100;
/** Gas, and what a part of gas makes of a disc: no part of its own density. */
const GAS_HU = -20;

/** Voxels longer than this are not averaged along their length. */
const MAX_SMOOTHED_MM = 1.6;

/**
 * Calcification of one disc: regions of connected voxels in the range, inside the disc's zone, with a core off the
 * bone beside it. Mean and maximum are of all of them, the area of the largest. Without one, the disc's own units.
 * @param box voxels with their ZONE
 */
export function measure(box: VoxelBox, reference: Reference): Measurement {
  const besideBone = besideBoneOf(box, reference.huLow);
  const disc = discVoxels(box, besideBone);
  // However large a find: noise that a kernel makes hangs together.
  const floorHu = noiseFloorHu(box, disc, reference.huLow);
  const cored = calcifiedRegions(box, besideBone, reference);
  const sure = cored.filter(({ region }) => statistics(region, box.hu).meanHu! >= floorHu);
  const suspects = sure.length > 0 ? [] : lumps(box, reference);
  const isThin = box.spacingMm[2] <= MAX_SMOOTHED_MM;
  const found = sure.length > 0 ? sure : isThin ? suspects : [];
  if (found.length === 0) {
    const isHidden = floorHu > (reference.huLow + reference.huHigh) / 2;
    const isDoubtful = isHidden || suspects.length > 0 || cored.some(({ region }) => isLarge(box, region));
    const label = disc.length === 0 || isDoubtful ? 'indeterminate' : 'not-calcified';
    return { label, ...statistics(disc, box.hu), areaMm2: 0, volumeMm3: 0, centreMm: null };
  }
  const voxels = found.flatMap(({ region }) => [...region]);
  const isSure = found.some(({ region }) => isSureOf(box, region));
  return {
    label: isSure ? 'calcified' : 'indeterminate',
    ...statistics(voxels, box.hu),
    areaMm2: found[0]!.areaMm2,
    volumeMm3: voxels.length * voxelMm3(box),
    centreMm: middleOf(box, found[0]!.region),
  };
}

/**
 * With contrast agent in the sac: what is dense behind the disc may be the agent, and its blur reaches into the disc as
 * a bone's does. A calcification well inside the disc is one all the same; that there is none behind cannot be said.
 */
export function measureBesideContrast(box: VoxelBox, reference: Reference): Measurement {
  const zone = box.zone.map((each, at) => {
    if (each !== ZONE.behind) return each;
    return box.hu[at]! >= reference.huLow ? ZONE.bone : ZONE.none;
  });
  const measured = measure({ ...box, zone }, reference);
  return measured.label === 'not-calcified' ? { ...measured, label: 'indeterminate' } : measured;
}

function isLarge(box: VoxelBox, region: Int32Array): boolean {
  return region.length * voxelMm3(box) >= MIN_LARGE_VOLUME_MM3;
}

/** Off the bone and without gas. */
function discVoxels({ zone, hu }: VoxelBox, besideBone: Uint8Array): Int32Array {
  const disc = new Int32Array(zone.length);
  let count = 0;
  for (let at = 0; at < zone.length; at++)
    if (zone[at] === ZONE.disc && !besideBone[at] && hu[at]! > GAS_HU) disc[count++] = at;
  return disc.subarray(0, count);
}

/**
 * The mean that noise alone gives to a disc's voxels beyond `huLow`, and one standard deviation more. The mean of a
 * normal distribution beyond t lies below (t + sqrt(t^2 + 4)) / 2 (Birnbaum 1942); median and spread are robust.
 */
function noiseFloorHu({ hu }: VoxelBox, disc: Int32Array, huLow: number): number {
  if (disc.length === 0) return huLow;
  const sorted = Float32Array.from(disc, (at) => hu[at]!).sort();
  const middle = sorted[sorted.length >> 1]!;
  // Half of a normal distribution lies within 0.6745 standard deviations.
  const sd = (sorted[Math.floor(0.75 * sorted.length)]! - sorted[Math.floor(0.25 * sorted.length)]!) / 1.349;
  if (sd === 0) return huLow;
  const t = Math.max(0, (huLow - middle) / sd);
  return middle + sd * ((t + Math.sqrt(t * t + 4)) / 2 + 1);
}

/** Largest area first. */
function calcifiedRegions(box: VoxelBox, besideBone: Uint8Array, reference: Reference): readonly Find[] {
  const smooth = smoothed(box);
  const inRange = (at: number) => box.hu[at]! >= reference.huLow && box.hu[at]! <= reference.huHigh;
  const core = (at: number) =>
    isInside(box.zone[at]!) && !besideBone[at] && inRange(at) && smooth[at]! >= reference.huLow;
  const cores = new Uint8Array(box.hu.length);
  for (const region of regionsOf(box, core)) for (const at of region) cores[at] = 1;
  const near = nearVoxels(box, cores, [EDGE_MM, EDGE_MM, EDGE_MM]);
  const grown = regionsOf(box, (at) => near[at] === 1 && inRange(at) && box.zone[at] !== ZONE.bone);
  return byArea(
    box,
    grown
      .filter((region) => region.length * voxelMm3(box) >= MIN_VOLUME_MM3 && region.some((at) => cores[at]))
      .filter((region) => surfaceOf(box, region, reference.huLow).denseShare < MAX_DENSE_SURFACE),
    reference,
  );
}

/** Lumps behind the disc, however near to bone. On thick slices a shell may look like one: no more than a suspicion. */
function lumps(box: VoxelBox, reference: Reference): readonly Find[] {
  const inRange = (at: number) => box.hu[at]! >= reference.huLow && box.hu[at]! <= reference.huHigh;
  const { minVolumePerSurfaceMm, minVolumePerSurfaceVoxels } = LUMP;
  // Blur makes a shell of larger voxels thicker.
  const least = Math.max(minVolumePerSurfaceMm, minVolumePerSurfaceVoxels * Math.cbrt(voxelMm3(box)));
  const regions = regionsOf(box, (at) => isInside(box.zone[at]!) && inRange(at)).filter((region) => {
    const volumeMm3 = region.length * voxelMm3(box);
    if (volumeMm3 < LUMP.minVolumeMm3 || !isBehind(box, region)) return false;
    const { denseShare, areaMm2 } = surfaceOf(box, region, reference.huLow);
    return denseShare < MAX_DENSE_SURFACE && volumeMm3 >= least * areaMm2;
  });
  return byArea(box, regions, reference);
}

/** A calcified region; its area is that of its largest sagittal cut. */
interface Find {
  readonly region: Int32Array;
  readonly areaMm2: number;
}

function byArea(box: VoxelBox, regions: readonly Int32Array[], { minAreaMm2 }: Reference): readonly Find[] {
  const leastMm2 = Math.max(minAreaMm2, MIN_VOXELS * sagittalVoxelMm2(box)) - 1e-6;
  return regions
    .map((region) => ({ region, areaMm2: sagittalAreaMm2(box, region) }))
    .filter(({ areaMm2 }) => areaMm2 >= leastMm2)
    .sort((a, b) => b.areaMm2 - a.areaMm2);
}

function voxelMm3({ spacingMm }: Pick<VoxelBox, 'spacingMm'>): number {
  return spacingMm[0] * spacingMm[1] * spacingMm[2];
}

/** Not the work of one slice's partial volume, and on thick slices off the end plates. */
function isSureOf(box: VoxelBox, region: Int32Array): boolean {
  const perSlice = box.size[0] * box.size[1];
  const counts = new Map<number, number>();
  for (const at of region) {
    const slice = Math.floor(at / perSlice);
    counts.set(slice, (counts.get(slice) ?? 0) + 1);
  }
  const [first, second] = [...counts.values(), 0].sort((a, b) => b - a);
  if (second! < MIN_SECOND_SLICE * first!) return false;
  return box.spacingMm[2] <= THICK_SLICE_MM || isBehind(box, region);
}

/** A region's surface, and the share of it behind which lies something as dense that is not the region. */
function surfaceOf(
  { hu, size, spacingMm }: VoxelBox,
  region: Int32Array,
  huLow: number,
): { areaMm2: number; denseShare: number } {
  const own = new Set(region);
  const steps = [1, size[0], size[0] * size[1]] as const;
  let [dense, all] = [0, 0];
  for (const at of region)
    for (const axis of [0, 1, 2] as const) {
      const step = steps[axis];
      const face = voxelMm3({ spacingMm }) / spacingMm[axis];
      const place = Math.floor(at / step) % size[axis];
      for (const [next, isInside] of [
        [at - step, place > 0],
        [at + step, place < size[axis] - 1],
      ] as const) {
        if (!isInside || own.has(next)) continue;
        all += face;
        if (hu[next]! >= huLow) dense += face;
      }
    }
  return { areaMm2: all, denseShare: all === 0 ? 0 : dense / all };
}

/** More than half of it lies behind the disc. */
function isBehind({ zone }: VoxelBox, region: Int32Array): boolean {
  return region.filter((at) => zone[at] === ZONE.behind).length * 2 > region.length;
}

function middleOf(box: VoxelBox, region: Int32Array): Vector {
  let sum: Vector = [0, 0, 0];
  for (const voxel of region) sum = add(sum, box.toPatient(voxel));
  return mapVector(sum, (mm) => mm / region.length);
}

function isInside(zone: number): boolean {
  return zone === ZONE.disc || zone === ZONE.behind;
}

/** Within the rim of the marked bones, and of dense voxels outside the zone that touch them. */
function besideBoneOf(box: VoxelBox, huLow: number): Uint8Array {
  const shallow = nearVoxels(
    box,
    box.zone.map((zone) => (zone === ZONE.bone ? 0 : 1)),
    [DEEP_MM, DEEP_MM, DEEP_MM],
  );
  const marked = new Uint8Array(box.hu.length);
  for (let at = 0; at < marked.length; at++)
    if (box.zone[at] === ZONE.bone && (box.hu[at]! >= huLow || !shallow[at])) marked[at] = 1;
  const reach = nearVoxels(box, marked, [BONE_REACH_MM, BONE_REACH_MM, BONE_REACH_MM]);
  const bone = marked.map((isMarked, at) =>
    isMarked || (reach[at] && !isInside(box.zone[at]!) && box.hu[at]! >= huLow) ? 1 : 0,
  );
  const rim = box.spacingMm.map((mm) => BONE_RIM_MM + BONE_RIM_VOXELS * mm) as [number, number, number];
  return nearVoxels(box, bone, rim);
}

/** Weights 1, 2, 1 along each axis whose voxels are small: noise down, nothing smeared over thick slices. */
function smoothed({ hu, size, spacingMm }: VoxelBox): Float32Array {
  let values = hu;
  for (const axis of [0, 1, 2] as const) {
    if (spacingMm[axis] > MAX_SMOOTHED_MM) continue;
    const step = axis === 0 ? 1 : axis === 1 ? size[0] : size[0] * size[1];
    const next = new Float32Array(values.length);
    for (let at = 0; at < values.length; at++) {
      const place = Math.floor(at / step) % size[axis];
      const before = place > 0 ? values[at - step]! : values[at]!;
      const behind = place < size[axis] - 1 ? values[at + step]! : values[at]!;
      next[at] = (before + 2 * values[at]! + behind) / 4;
    }
    values = next;
  }
  return values;
}

function statistics(
  voxels: ArrayLike<number>,
  hu: Float32Array,
): { meanHu: number | null; maxHu: number | null } {
  if (voxels.length === 0) return { meanHu: null, maxHu: null };
  let [sum, max] = [0, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < voxels.length; i++) {
    const value = hu[voxels[i]!]!;
    sum += value;
    max = Math.max(max, value);
  }
  return { meanHu: sum / voxels.length, maxHu: max };
}
