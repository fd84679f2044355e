import type { Extent } from '../dicom/extent.js';

/** One image of a series, as far as it says what else there should be. */
export interface PlacedImage {
  /** Along the stack's normal, millimetres; null for an image without a plane. */
  readonly slicePositionMm: number | null;
  readonly instanceNumber: number | null;
  readonly extent: Extent;
}

/** Fewer slices than this say nothing about a spacing. */
const FEWEST_SLICES = 3;
/** Positions nearer than this are the same position (several echoes or acquisitions of one slice). */
const SAME_POSITION_MM = 0.01;

/**
 * What the images of a series say is still missing, in words; null when nothing is. A header may be wrong: what
 * is missing by it is waited for, and the quiet period ends the waiting.
 */
export function missingImages(images: readonly PlacedImage[]): string | null {
  for (const look of LOOKS) {
    const missing = look(images);
    if (missing) return missing;
  }
  return null;
}

const LOOKS: readonly ((images: readonly PlacedImage[]) => string | null)[] = [
  missingOfConcatenations,
  missingOfAcquisitions,
  missingOfTimes,
  missingBetweenSlices,
  missingNumbers,
  missingRepetitions,
];

/** PS3.3 C.7.6.16.2.2.4: one object's frames in several. */
function missingOfConcatenations(images: readonly PlacedImage[]): string | null {
  const parts = images.flatMap(({ extent }) => (extent.concatenation === undefined ? [] : [extent]));
  for (const part of groupBy(parts, ({ concatenation }) => concatenation).values()) {
    const have = new Set(part.map(({ concatenationNumber }) => concatenationNumber)).size;
    const total = largest(part.map((each) => each.concatenationTotal ?? each.concatenationNumber));
    if (have < total) return `${have} of ${total} parts of a concatenation have come`;
  }
  return null;
}

/** ImagesInAcquisition (PS3.3 C.7.6.1), for each acquisition of the series. */
function missingOfAcquisitions(images: readonly PlacedImage[]): string | null {
  for (const [acquisition, each] of groupBy(images, ({ extent }) => extent.acquisition)) {
    const total = largest(each.map(({ extent }) => extent.imagesInAcquisition));
    if (each.length < total)
      return `${each.length} of ${total} images of acquisition ${acquisition ?? 'without number'} have come (ImagesInAcquisition)`;
  }
  return null;
}

/** NumberOfTemporalPositions (PS3.3 C.8.3.1): every place once for each of them. */
function missingOfTimes(images: readonly PlacedImage[]): string | null {
  const times = largest(images.map(({ extent }) => extent.temporalPositions));
  const places = placesOf(images).length;
  if (times < 2 || images.length >= places * times) return null;
  return `${images.length} images at ${places} places have come, of ${times} temporal positions`;
}

/** Steps this near to a multiple of the spacing are that multiple. */
const SPACING_TOLERANCE = 0.15;
/** Steps of so many thicknesses, where no spacing is said: gaps as wide as slices are the other package's. */
const INTERLEAVED_THICKNESSES = 1.9;

/** Every second or third slice, as packages of an interleaved acquisition come: gapless by itself. */
function missingBetweenSlices(images: readonly PlacedImage[]): string | null {
  const step = stepMm(images);
  const { spacing, thickness } = spacingOf(images);
  if (step === null) return null;
  if (spacing === null) {
    const isWide = thickness !== null && step >= INTERLEAVED_THICKNESSES * thickness;
    return isWide ? `slices of ${text(thickness)} mm lie ${text(step)} mm apart` : null;
  }
  const times = Math.round(step / spacing);
  if (times < 2 || Math.abs(step / spacing - times) > SPACING_TOLERANCE) return null;
  // Some write the gap between two slices for the distance of their centres.
  const isGap = thickness !== null && spacing <= thickness / 2 && isNear(step, spacing + thickness);
  return isGap ? null : `slices lie ${text(step)} mm apart, and SpacingBetweenSlices is ${text(spacing)} mm`;
}

/** Numbers further apart than this are no package's, but somebody's way of numbering. */
const LONGEST_STRIDE = 6;

/** InstanceNumber with holes. A regular stride is no hole where the spacing says that the stack is whole. */
function missingNumbers(images: readonly PlacedImage[]): string | null {
  const numbers = [...new Set(images.map(({ instanceNumber }) => instanceNumber))];
  if (numbers.length < FEWEST_SLICES || numbers.some((number) => number === null)) return null;
  const sorted = (numbers as number[]).toSorted((a, b) => a - b);
  const steps = sorted.slice(1).map((number, i) => number - sorted[i]!);
  const holes = steps.reduce((sum, step) => sum + step - 1, 0);
  if (holes === 0) return null;
  const isRegular = steps.every((step) => step === steps[0]) && steps[0]! <= LONGEST_STRIDE;
  const isMostlyThere = holes <= sorted.length;
  if (isRegular ? isSpacingMet(images) : !isMostlyThere) return null;
  return `${holes} of the instance numbers ${sorted[0]} to ${sorted.at(-1)} have not come`;
}

/** Several images at most places, fewer at some: an echo, a contrast or a time is on its way. */
function missingRepetitions(images: readonly PlacedImage[]): string | null {
  const counts = placesOf(images).map(({ count }) => count);
  const usual = median(counts) ?? 1;
  const fewer = counts.filter((count) => count < usual).length;
  return usual >= 2 && fewer > 0 ? `${fewer} places have fewer than the usual ${usual} images` : null;
}

// Places -------------------------------------------------------------------------------------------------------------

interface Place {
  readonly position: number;
  readonly count: number;
}

/** The different positions in order, with how many images lie at each. */
function placesOf(images: readonly Pick<PlacedImage, 'slicePositionMm'>[]): Place[] {
  const sorted = images.flatMap(({ slicePositionMm }) => slicePositionMm ?? []).toSorted((a, b) => a - b);
  const places: { position: number; count: number }[] = [];
  for (const [i, position] of sorted.entries()) {
    if (i > 0 && position - sorted[i - 1]! <= SAME_POSITION_MM) places.at(-1)!.count += 1;
    else places.push({ position, count: 1 });
  }
  return places;
}

function stepsOf(places: readonly Place[]): number[] {
  return places.slice(1).map(({ position }, i) => position - places[i]!.position);
}

/** The usual step from slice to slice. */
function stepMm(images: readonly PlacedImage[]): number | null {
  const places = placesOf(images);
  return places.length < FEWEST_SLICES ? null : median(stepsOf(places));
}

function spacingOf(images: readonly PlacedImage[]) {
  return {
    spacing: median(images.flatMap(({ extent }) => extent.spacingMm ?? [])),
    thickness: median(images.flatMap(({ extent }) => extent.thicknessMm ?? [])),
  };
}

function isSpacingMet(images: readonly PlacedImage[]): boolean {
  const [step, { spacing }] = [stepMm(images), spacingOf(images)];
  return step !== null && spacing !== null && isNear(step, spacing);
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= SPACING_TOLERANCE * Math.max(a, b);
}

/** A step this much over the usual one is a missing slice (two missing neighbours double it; tables move a little). */
const GAP_RATIO = 1.5;

/** At least three different positions, and no step over 1.5 times the median step. */
export function isGapless(positionsMm: readonly (number | null)[]): boolean {
  if (positionsMm.some((position) => position === null)) return false;
  const places = placesOf(positionsMm.map((slicePositionMm) => ({ slicePositionMm })));
  if (places.length < FEWEST_SLICES) return false;
  const steps = stepsOf(places);
  const usual = median(steps)!;
  return steps.every((step) => step <= GAP_RATIO * usual);
}

function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}

function largest(values: readonly (number | undefined)[]): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function text(mm: number): string {
  return String(Number(mm.toFixed(2)));
}
