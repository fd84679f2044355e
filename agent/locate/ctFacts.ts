import { dot, length, scale, subtract } from '../dicom/geometry.js';
import {
  type CtContrast,
  type CtFacts,
  type CtKernel,
  type Sharpness,
  THICK_SLICE_MM,
} from '../domain/ctReading.js';
import type { CtImageFacts, Derived } from './ctHeader.js';
import { type CtPixelFacts, ctPixelFacts } from './ctPixels.js';
import type { CtVolume } from './ctVolume.js';
import { SHARPNESS, sharpnessOf } from './kernels.js';
import { TISSUE } from './logits.js';
import type { Look } from './looks.js';
import { percentileOfSorted } from './resample.js';
import type { Series } from './series.js';
import { tissueMask } from './tissueMask.js';

/** Of what could not be made a volume of, nothing is known. */
export function factsWithoutVolume(series: Series): CtFacts {
  const said = series.images.flatMap(({ ct }) => ct ?? []);
  const derived = derivedOf(said);
  return {
    images: series.images.length,
    sliceMm: null,
    sliceThicknessMm: said[0]?.sliceThicknessMm ?? null,
    gantryTiltDegrees: 0,
    notHounsfield: series.notHounsfield ?? unitsOf(derived),
    derived: derived?.words ?? null,
    kernel: kernelOf(said, null),
    noiseHu: null,
    contrast: contrastOf(said),
  };
}

/** By the headers of all images of the volume, and its voxels. */
export function factsOf(volume: CtVolume): CtFacts {
  const said = volume.slices.flatMap(({ ct }) => ct ?? []);
  const derived = derivedOf(said);
  const pixels: CtPixelFacts = ctPixelFacts(volume);
  const { noiseHu } = pixels;
  return {
    images: volume.slices.length,
    sliceMm: volume.sliceMm,
    sliceThicknessMm: said[0]?.sliceThicknessMm ?? null,
    gantryTiltDegrees: tiltOf(volume),
    notHounsfield: unitsOf(derived) ?? pixels.notHounsfield,
    derived: derived?.words ?? null,
    kernel: kernelOf(said, noiseHu),
    noiseHu,
    contrast: contrastOf(said),
  };
}

function unitsOf(derived: Derived | null): string | null {
  return derived && !derived.isHounsfield ? derived.words : null;
}

function derivedOf(said: readonly CtImageFacts[]): Derived | null {
  const all = said.flatMap(({ derived }) => derived ?? []);
  return all.find(({ isHounsfield }) => !isHounsfield) ?? all[0] ?? null;
}

const MOST_TELLING: readonly CtContrast[] = ['intrathecal', 'given'];

function contrastOf(said: readonly CtImageFacts[]): CtContrast {
  return MOST_TELLING.find((one) => said.some(({ contrast }) => contrast === one)) ?? 'not-said';
}

/**
 * A kernel that no table knows is as sharp as its noise: with ordinary dose soft ones have 8 to 25 HU in a spine CT,
 * bone kernels 40 to 150 (at the slice thickness that they are used with).
 */
const NOISE_HU: readonly (readonly [below: number, sharpness: Sharpness])[] = [
  [25, SHARPNESS[0]!],
  [40, SHARPNESS[1]!],
  [Number.POSITIVE_INFINITY, SHARPNESS[2]!],
];

function kernelOf(said: readonly CtImageFacts[], noiseHu: number | null): CtKernel {
  const names = [...new Set(said.flatMap(({ kernels }) => kernels))];
  const byName = sharpnessOf(names, said[0]?.manufacturer ?? null);
  if (byName !== null) return { names, sharpness: byName, judgedBy: 'name' };
  if (noiseHu === null) return { names, sharpness: null, judgedBy: null };
  return { names, sharpness: NOISE_HU.find(([below]) => noiseHu < below)![1], judgedBy: 'noise' };
}

/** A tilted gantry leans each slice against the table's course. */
function tiltOf({ slices, normal }: CtVolume): number {
  const course = subtract(slices.at(-1)!.plane.origin, slices[0]!.plane.origin);
  const along = dot(course, normal);
  const aside = length(subtract(course, scale(normal, along)));
  return Math.round((10 * Math.atan2(aside, Math.abs(along)) * 180) / Math.PI) / 10;
}

/** Cerebrospinal fluid and roots have 0 to 50 HU; a sac with contrast agent has hundreds. */
const BRIGHT_SAC_HU = 150;

/** Whether the canal on the middle plane is as dense as only contrast agent makes it, said or not (myelography). */
export function hasBrightSac(planes: readonly Look[], middle: number): boolean {
  const { image, marked } = planes[middle]!;
  const canal = tissueMask(image, marked, TISSUE.canal);
  const values = image.pixels.filter((_, at) => canal[at] === 1).sort();
  return values.length > 0 && percentileOfSorted(Float64Array.from(values), 50) > BRIGHT_SAC_HU;
}

/** What must be said with the labels of a CT that was measured. */
export function doubtsOf({ sliceMm, kernel, derived, contrast }: CtFacts): readonly string[] {
  const named = kernel.names.length > 0 ? kernel.names.join(', ') : 'not named';
  const byNoise = kernel.judgedBy === 'noise' ? ', by its noise' : '';
  const found: readonly (readonly [string, boolean])[] = [
    [
      `slices ${sliceMm?.toFixed(1)} mm apart: their partial volume leaves labels open`,
      (sliceMm ?? 0) > THICK_SLICE_MM,
    ],
    [
      `a sharp kernel (${named}${byNoise}): its noise can pass for calcification`,
      kernel.sharpness === 'sharp',
    ],
    [`${derived}: its Hounsfield units are not those of a plain reconstruction`, derived !== null],
    [
      'contrast agent in the sac: what lies behind the discs cannot be told from it',
      contrast === 'intrathecal',
    ],
  ];
  return found.filter(([, isSo]) => isSo).map(([doubt]) => doubt);
}
