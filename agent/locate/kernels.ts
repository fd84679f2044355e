import type { Sharpness } from '../domain/ctReading.js';

/** The softest first: of several kernels in one volume the sharpest counts. */
export const SHARPNESS: readonly Sharpness[] = ['soft', 'medium', 'sharp'];

/** Numbers up to `to` are as sharp as said; what lies beyond the last is unknown. */
type Range = readonly [to: number, sharpness: Sharpness | null];

/**
 * Kernels named by a number.
 *
 * Siemens: a family (body, head, quantitative, dual energy, iterative ...), how sharp, and letters for the scan mode;
 * "standard kernels for body tissue studies B30s or B40s ... for higher sharpness B50s, B60s, B70s, B80s" (SOMATOM
 * operating instructions); newer scanners write two letters and finer steps (Br40, Hr59, Ur77).
 * Canon, Toshiba: FC01 to FC19 body, FC20 to FC28 and FC40 to FC49 head, FC30 to FC39 bone, FC50 to FC59 lung, FC60
 * to FC69 brain, FC80 to FC89 bone, inner ear and lung at high resolution.
 */
const NUMBERED: readonly (readonly [name: RegExp, ranges: readonly Range[]])[] = [
  [
    /^(?:[BDHIJQSUV]|[BHQSU][A-Z])(\d\d)[A-Z]?$/,
    [
      [45, 'soft'],
      [53, 'medium'],
      [99, 'sharp'],
    ],
  ],
  [
    /^FC(\d\d?)(?:\D.*)?$/,
    [
      [4, 'soft'],
      [6, 'medium'],
      [14, 'soft'],
      [17, 'medium'],
      [24, 'soft'],
      [28, 'medium'],
      [29, null],
      [39, 'sharp'],
      [44, 'soft'],
      [49, 'medium'],
      [59, 'sharp'],
      [69, 'soft'],
      [79, null],
      [89, 'sharp'],
    ],
  ],
];

/** Philips's one to three letters mean something on its own scanners only. */
const PHILIPS: Readonly<Record<string, Sharpness>> = {
  A: 'soft',
  B: 'soft',
  CA: 'soft',
  CB: 'soft',
  EB: 'soft',
  UA: 'soft',
  UB: 'soft',
  XCA: 'soft',
  XCB: 'soft',
  C: 'medium',
  CC: 'medium',
  EC: 'medium',
  UC: 'medium',
  XCC: 'medium',
  D: 'sharp',
  E: 'sharp',
  F: 'sharp',
  L: 'sharp',
  YA: 'sharp',
  YB: 'sharp',
  YC: 'sharp',
  YD: 'sharp',
  YE: 'sharp',
  XCD: 'sharp',
};

/**
 * Words, by their beginnings: GE (SOFT, STANDARD, DETAIL, CHEST, LUNG, BONE, BONEPLUS, EDGE, ULTRA, with HD before
 * or + behind), United Imaging (B_SOFT_B, B_SHARP_C, B_VSHARP_B), Canon's newer ones (BODY, BODY SHARP, INNER EAR),
 * Philips IMR (SoftTissue, Routine, SharpPlus), Neusoft, and what people write.
 */
const WORDS: Readonly<Record<Sharpness, readonly string[]>> = {
  soft: ['SOFT', 'SMOOTH', 'STAND', 'STND', 'STD', 'ROUTINE', 'BODY', 'BRAIN', 'ABDOMEN'],
  medium: ['DETAIL', 'CHEST', 'MEDIUM'],
  sharp: ['SHARP', 'VSHARP', 'BONE', 'LUNG', 'EDGE', 'ULTRA', 'OSTEO', 'INNER', 'CRISP', 'HIRES'],
};

/**
 * How sharp the kernels of a series are, by their names; null when the names tell nothing.
 * @param names ConvolutionKernel, all its values: Siemens's second value is a strength and no name
 */
export function sharpnessOf(names: readonly string[], manufacturer: string | null): Sharpness | null {
  const isPhilips = /philips|marconi|picker/i.test(manufacturer ?? '');
  const known = names.flatMap((name) => sharpnessOfOne(name.trim().toUpperCase(), isPhilips) ?? []);
  return SHARPNESS.findLast((sharpness) => known.includes(sharpness)) ?? null;
}

function sharpnessOfOne(name: string, isPhilips: boolean): Sharpness | null {
  for (const [pattern, ranges] of NUMBERED) {
    const number = pattern.exec(name)?.[1];
    if (number !== undefined) return ranges.find(([to]) => Number(number) <= to)?.[1] ?? null;
  }
  if (isPhilips && PHILIPS[name]) return PHILIPS[name];
  const words = name.split(/[^A-Z]+/);
  const means = (sharpness: Sharpness) =>
    WORDS[sharpness].some((beginning) => words.some((word) => word.startsWith(beginning)));
  return SHARPNESS.findLast(means) ?? null;
}
