import { anatomicalPlane, mapVector, normalOf, type Plane, type Vector } from '../dicom/geometry.js';
import { type Stack, stacksOf } from '../dicom/stacks.js';
import type { Series, SourceImage } from './series.js';

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
  readonly notes: readonly string[];
}

/** Coarser slices than this make no reformat in which a disc can be told from its end plates. */
const MAX_SLICE_MM = 6;
/** Of two volumes that reach about as far along the patient the finer one is read. */
const AS_FAR = 0.9;

/**
 * The volume of a series that shows most of the patient's length: scouts, a second orientation and what else lies in
 * a series is left out, and said.
 * @returns why there is none
 */
export function volumeOf(series: Pick<Series, 'images'>): CtVolume | string {
  const stacks = stacksOf<SourceImage>(series.images);
  const volumes = stacks
    .filter((stack) => refusal(stack) === null)
    .map(eachPlaceOnce)
    .map(ctVolumeOf);
  const reach = ({ bounds: [low, high] }: CtVolume) => high[2] - low[2];
  const farthest = Math.max(...volumes.map(reach));
  const [best] = volumes
    .filter((volume) => reach(volume) >= AS_FAR * farthest)
    .sort((a, b) => a.sliceMm - b.sliceMm);
  if (!best) return stacks[0] ? refusal(stacks[0])! : 'no image of the series has a plane';
  const others = stacks.filter(({ slices }) => !slices.includes(best.slices[0]!));
  const out = others.reduce((sum, { slices }) => sum + slices.length, 0);
  return out > 0 ? { ...best, notes: [...best.notes, `${out} images of other stacks were left out`] } : best;
}

/** Slices of another acquisition that lie among those of the first tell nothing more, and would count twice. */
const SAME_PLACE = 0.4;

function eachPlaceOnce(stack: Stack<SourceImage>): Stack<SourceImage> {
  const least = SAME_PLACE * (stack.spacingMm ?? 0);
  let last = Number.NEGATIVE_INFINITY;
  const kept = stack.positionsMm.flatMap((position, i) => {
    if (position - last < least) return [];
    last = position;
    return [i];
  });
  return {
    ...stack,
    slices: kept.map((i) => stack.slices[i]!),
    positionsMm: kept.map((i) => stack.positionsMm[i]!),
  };
}

/** @returns null for a stack that is a volume to be measured */
function refusal({ slices, spacingMm, notes }: Stack<SourceImage>): string | null {
  if (slices.length < 2 || spacingMm === null) return 'a single slice is no volume';
  if (spacingMm > MAX_SLICE_MM)
    return `slices ${spacingMm.toFixed(1)} mm apart are too coarse to measure discs`;
  if (notes.includes('gap between slices')) return 'slices are missing inside the volume';
  const normal = anatomicalPlane(normalOf(slices[0]!.plane));
  return normal === 'CORONAL' ? 'the series is coronal, not axial or sagittal' : null;
}

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
