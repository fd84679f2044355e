import {
  add,
  angleBetween,
  dot,
  length,
  normalOf,
  type Plane,
  scale,
  subtract,
  type Vector,
} from './geometry.js';

/** One image of a series, as far as its place goes. */
export interface PlacedSlice {
  readonly plane: Plane;
  /** Slices that differ in this (echo, temporal position, image type) are never one stack. */
  readonly kind: string;
  readonly instanceNumber: number | null;
}

/** Parallel slices in order along their normal. */
export interface Stack<T extends PlacedSlice = PlacedSlice> {
  readonly slices: readonly T[];
  /** Along the first slice's normal, millimetres, ascending, one per slice. */
  readonly positionsMm: readonly number[];
  /** Median distance of neighbours; null for a single slice. */
  readonly spacingMm: number | null;
  /** `StackNote`s, and what others have to say of it. */
  readonly notes: readonly string[];
}

/** Slices that no tag tells apart lie at one place again and again. */
export const UNTOLD_KINDS =
  'several kinds of pictures at each place, and no tag tells them apart: the first is read';

export type StackNote =
  | 'duplicate slices'
  | 'gap between slices'
  | 'uneven spacing'
  | 'sheared stack'
  | typeof UNTOLD_KINDS;

/** Slices of one plane differ by less than this in angle. */
const PARALLEL_DEGREES = 1.5;
/** Two slices nearer than this lie at the same place. */
const SAME_PLACE_MM = 0.05;
const GAP_FACTOR = 1.6;
const UNEVEN_SHARE = 0.1;
/** A tilted gantry moves each slice in its own plane by tan(tilt) of its distance; this is three degrees. */
const SHEAR = 0.05;

/** The stacks in a series, the largest first: slices in any order, with duplicates, gaps and several kinds. */
export function stacksOf<T extends PlacedSlice>(slices: readonly T[]): readonly Stack<T>[] {
  const groups: T[][] = [];
  for (const slice of slices) {
    const home = groups.find((group) => belongTogether(group[0]!, slice));
    if (home) home.push(slice);
    else groups.push([slice]);
  }
  return groups
    .flatMap((group) => {
      const repeats = repetitions(group);
      return repeats.map((slices) => stackOf(slices, repeats.length > 1));
    })
    .sort((a, b) => b.slices.length - a.slices.length);
}

function belongTogether(a: PlacedSlice, b: PlacedSlice): boolean {
  return (
    a.kind === b.kind &&
    a.plane.rows === b.plane.rows &&
    a.plane.columns === b.plane.columns &&
    Math.abs(a.plane.spacingMm[0] - b.plane.spacingMm[0]) < 0.001 * a.plane.spacingMm[0] &&
    Math.abs(a.plane.spacingMm[1] - b.plane.spacingMm[1]) < 0.001 * a.plane.spacingMm[1] &&
    angleBetween(a.plane.along, b.plane.along) < PARALLEL_DEGREES &&
    angleBetween(normalOf(a.plane), normalOf(b.plane)) < PARALLEL_DEGREES
  );
}

/** A group in which most places are taken n times is n stacks that no tag tells apart: by instance number. */
function repetitions<T extends PlacedSlice>(group: readonly T[]): readonly (readonly T[])[] {
  const places = new Map<number, T[]>();
  for (const { slice, position } of inOrder(group)) {
    const key = [...places.keys()].find((at) => Math.abs(at - position) < SAME_PLACE_MM);
    if (key === undefined) places.set(position, [slice]);
    else places.get(key)!.push(slice);
  }
  const counts = [...places.values()].map((at) => at.length).sort((a, b) => a - b);
  const usual = counts[counts.length >> 1] ?? 1;
  if (usual < 2 || places.size < 2) return [group];
  const byNumber = [...places.values()].map((at) =>
    [...at].sort((a, b) => (a.instanceNumber ?? 0) - (b.instanceNumber ?? 0)),
  );
  return Array.from({ length: usual }, (_, n) => byNumber.flatMap((at) => at[n] ?? []));
}

function inOrder<T extends PlacedSlice>(slices: readonly T[]): { slice: T; position: number }[] {
  const normal = normalOf(slices[0]!.plane);
  return slices
    .map((slice) => ({ slice, position: dot(slice.plane.origin, normal) }))
    .sort((a, b) => a.position - b.position || (a.slice.instanceNumber ?? 0) - (b.slice.instanceNumber ?? 0));
}

function stackOf<T extends PlacedSlice>(slices: readonly T[], isUntold: boolean): Stack<T> {
  const sorted = inOrder(slices);
  const kept = sorted.filter(
    ({ position }, i) => i === 0 || position - sorted[i - 1]!.position >= SAME_PLACE_MM,
  );
  const positionsMm = kept.map(({ position }) => position);
  const steps = positionsMm.slice(1).map((position, i) => position - positionsMm[i]!);
  const spacingMm = steps.length > 0 ? [...steps].sort((a, b) => a - b)[steps.length >> 1]! : null;
  const found: [StackNote, boolean][] = [
    ['duplicate slices', kept.length < sorted.length],
    ['gap between slices', steps.some((step) => step > GAP_FACTOR * spacingMm!)],
    ['uneven spacing', steps.some((step) => Math.abs(step - spacingMm!) > UNEVEN_SHARE * spacingMm!)],
    ['sheared stack', isSheared(kept.map(({ slice }) => slice.plane))],
    [UNTOLD_KINDS, isUntold],
  ];
  return {
    slices: kept.map(({ slice }) => slice),
    positionsMm,
    spacingMm,
    notes: found.filter(([, isSo]) => isSo).map(([note]) => note),
  };
}

function isSheared(planes: readonly Plane[]): boolean {
  if (planes.length < 2) return false;
  const between = subtract(planes.at(-1)!.origin, planes[0]!.origin);
  const normal: Vector = normalOf(planes[0]!);
  const sideways = add(between, scale(normal, -dot(between, normal)));
  return length(sideways) > SHEAR * Math.abs(dot(between, normal));
}
