import {
  type CtFacts,
  type CtKernel,
  type CtReading,
  type Sharpness,
  THICK_SLICE_MM,
} from '../domain/ctReading.js';
import { LEVELS } from '../domain/levels.js';

/** A CT within the window, as it was read. */
export interface ReadCt {
  readonly seriesInstanceUid: string;
  /** CT minus MR. */
  readonly intervalDays: number;
  readonly instanceCount: number;
  readonly reading: CtReading;
}

/** @returns why a CT cannot be the reference at all, in words; null when it can */
export function whyNotServing({ status, reasons, discs, facts }: CtReading): string | null {
  if (status === 'unreadable') return withReasons('it cannot be read', reasons);
  if (facts?.notHounsfield) return `it is not in Hounsfield units: ${facts.notHounsfield}`;
  if (status === 'not-found' || discs.length === 0)
    return withReasons('it shows no lumbar disc that could be measured', reasons);
  return null;
}

/** Why one CT is measured before another. */
interface Criterion {
  /** The smaller the better. */
  rank(ct: ReadCt): number;
  /** Why the second one is passed over, in words. */
  why(winner: ReadCt, loser: ReadCt): string;
}

const SHARPNESS_RANK = { soft: 0, medium: 1, sharp: 2 } as const satisfies Record<Sharpness, number>;
/** Tenths of a millimetre: what differs by less was meant to be the same. */
const TENTHS = 10;

const toldLevels = ({ reading }: ReadCt) =>
  reading.discs.filter(({ label }) => label !== 'indeterminate').length;
const isSharp = ({ reading }: ReadCt) => reading.facts?.kernel.sharpness === 'sharp';
const isThick = ({ reading }: ReadCt) => (reading.facts?.sliceMm ?? 0) > THICK_SLICE_MM;

/**
 * What the choice goes by, the first that tells two CTs apart: can its values be taken for a disc's density at all,
 * then for how many discs, then how near it is to the MR, then how good it is.
 */
const CRITERIA: readonly Criterion[] = [
  {
    rank: ({ reading }) => (reading.status === 'located' ? 0 : 1),
    why: (_, { reading }) => withReasons('its levels are uncertain', reading.reasons),
  },
  {
    rank: ({ reading }) => (reading.facts?.derived ? 1 : 0),
    why: (_, { reading }) => `it is computed (${reading.facts?.derived}), not reconstructed`,
  },
  {
    rank: ({ reading }) => (reading.facts?.contrast === 'intrathecal' ? 1 : 0),
    why: () => 'contrast agent lies in the sac',
  },
  {
    rank: (ct) => (isSharp(ct) ? 1 : 0),
    why: (_, { reading }) => `it is sharp: ${kernelInWords(reading.facts)}`,
  },
  {
    rank: (ct) => -toldLevels(ct),
    why: (winner, loser) =>
      `it tells ${toldLevels(loser)} of ${LEVELS.length} discs, the other ${toldLevels(winner)}`,
  },
  {
    rank: (ct) => (isThick(ct) ? 1 : 0),
    why: (_, { reading }) => `its slices are ${mm(reading.facts?.sliceMm)} apart`,
  },
  {
    rank: ({ intervalDays }) => Math.abs(intervalDays),
    why: () => 'it is further from the MR in time',
  },
  {
    rank: ({ reading }) => SHARPNESS_RANK[reading.facts?.kernel.sharpness ?? 'medium'],
    why: (_, { reading }) => `it is sharper: ${kernelInWords(reading.facts)}`,
  },
  {
    rank: ({ reading }) => (reading.facts?.contrast === 'given' ? 1 : 0),
    why: () => 'contrast agent was given',
  },
  {
    rank: ({ reading }) => Math.round((reading.facts?.sliceMm ?? THICK_SLICE_MM) * TENTHS),
    why: () => 'its slices are thicker',
  },
  { rank: ({ instanceCount }) => -instanceCount, why: () => 'it has fewer images' },
];

/** The best first, whatever the order in which they came. All of them serve. */
export function inOrderOfService<T extends ReadCt>(cts: readonly T[]): readonly T[] {
  return cts.toSorted((a, b) => {
    const apart = CRITERIA.find(({ rank }) => rank(a) !== rank(b));
    return apart ? apart.rank(a) - apart.rank(b) : a.seriesInstanceUid < b.seriesInstanceUid ? -1 : 1;
  });
}

/** Why a CT that serves is passed over for another that serves better. */
export function whyPassedOver(chosen: ReadCt, passed: ReadCt): string {
  const apart = CRITERIA.find(({ rank }) => rank(chosen) !== rank(passed));
  return apart ? apart.why(chosen, passed) : 'another CT of the same kind is measured';
}

/** What a CT is, for whoever judges what was measured on it; '' when nothing is known. */
export function ctInWords({ facts }: CtReading): string {
  if (facts === null) return '';
  const { images, sliceMm, gantryTiltDegrees, contrast, derived } = facts;
  return [
    `${images} images`,
    ...(sliceMm === null ? [] : [`slices ${mm(sliceMm)} apart`]),
    kernelInWords(facts),
    ...(derived === null ? [] : [derived]),
    ...(gantryTiltDegrees >= TILTED_DEGREES ? [`gantry tilted by ${Math.round(gantryTiltDegrees)}°`] : []),
    ...CONTRAST_WORDS[contrast],
  ].join(', ');
}

const TILTED_DEGREES = 3;

const CONTRAST_WORDS = {
  'not-said': [],
  given: ['with contrast agent'],
  intrathecal: ['with contrast agent in the sac'],
} as const satisfies Record<CtFacts['contrast'], readonly string[]>;

function kernelInWords(facts: CtFacts | null): string {
  if (facts === null) return 'kernel not known';
  const { kernel, noiseHu } = facts;
  const name = kernel.names.length > 0 ? `kernel ${kernel.names.join(', ')}` : 'kernel not named';
  return kernel.sharpness === null ? name : `${name} (${sharpnessInWords(kernel, noiseHu)})`;
}

function sharpnessInWords({ sharpness, judgedBy }: CtKernel, noiseHu: number | null): string {
  return judgedBy === 'noise' ? `${sharpness} by its noise of ${noiseHu?.toFixed(0)} HU` : `${sharpness}`;
}

function mm(length: number | null | undefined): string {
  return length == null ? 'unknown' : `${length.toFixed(1)} mm`;
}

function withReasons(text: string, reasons: readonly string[]): string {
  return reasons.length > 0 ? `${text} (${reasons.join('; ')})` : text;
}
