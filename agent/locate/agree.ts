import { LEVELS } from '../domain/levels.js';
import type { Located, LocatedDisc, LocateResult } from './types.js';

/**
 * The same spine's discs lie equally far apart on MR and CT and bend alike, but for posture: lying flat changes little.
 * Tried out on the true centres of 29 patients (docs/localiser.md).
 */
const AGREE = {
  /** Of the misfit, below. */
  maxMisfit: 0.15,
  /** So much better must names shifted by one level fit to be the likelier ones. */
  shiftGain: 0.05,
  /** A degree of bend weighs as much as this share of a step. */
  perDegree: 0.006,
} as const;

/** The row of discs from L1-L2 down, in the sagittal plane; null where a disc is missing. */
interface Shape {
  /** From each disc to the next lower one, mm. */
  readonly steps: readonly (number | null)[];
  /** From each step's direction to the next one's, degrees. */
  readonly bends: readonly (number | null)[];
}

/**
 * What speaks against MR and CT having named the same discs alike; [] when nothing does or too little is known.
 * Matched by level; positions differ between two scans, distances and bends between neighbouring discs do not.
 */
export function mrCtDoubts(
  mr: Pick<LocateResult, 'discs'>,
  ct: Pick<LocateResult, 'discs'>,
): readonly string[] {
  const [a, b] = [shapeOf(mr.discs), shapeOf(ct.discs)];
  const same = misfit(a, b, 0);
  if (same === null) return [];
  const shifted = [-1, 1].map((by) => misfit(a, b, by) ?? Infinity);
  if (Math.min(...shifted) < same - AGREE.shiftGain)
    return ['MR and CT disagree: their discs fit better with the levels one apart'];
  return same > AGREE.maxMisfit ? ['MR and CT disagree: the discs lie or bend otherwise'] : [];
}

/** The MR's answer with what the CT says against it: levels that two scans name differently are no facts. */
export function withDoubts(mr: Located<LocateResult>, doubts: readonly string[]): Located<LocateResult> {
  if (doubts.length === 0) return mr;
  const { result } = mr;
  const status = result.status === 'located' ? 'uncertain' : result.status;
  return { ...mr, result: { ...result, status, reasons: [...result.reasons, ...doubts] } };
}

function shapeOf(discs: readonly LocatedDisc[]): Shape {
  const centres = LEVELS.map((level) => discs.find((disc) => disc.level === level)?.centrePatientMm);
  // Across the patient the two may lie on other slices: the row is taken in the sagittal plane.
  const rows = centres.slice(1).map((lower, i) => {
    const upper = centres[i];
    return lower && upper ? ([lower[1] - upper[1], upper[2] - lower[2]] as const) : null;
  });
  const angles = rows.map((row) => row && (Math.atan2(row[0], row[1]) * 180) / Math.PI);
  return {
    steps: rows.map((row) => row && Math.hypot(...row)),
    bends: angles.slice(1).map((lower, i) => {
      const upper = angles[i] ?? null;
      return lower === null || upper === null ? null : lower - upper;
    }),
  };
}

/**
 * Root mean square of the logarithms of the steps, MR over CT, and of the bends' differences, weighed. Null with fewer
 * than three steps to compare: any two fit by chance.
 */
function misfit(a: Shape, b: Shape, shift: number): number | null {
  const steps = pairs(a.steps, b.steps, shift).map(([mr, ct]) => Math.log(mr / ct));
  if (steps.length < 3) return null;
  const bends = pairs(a.bends, b.bends, shift).map(([mr, ct]) => AGREE.perDegree * (mr - ct));
  return Math.sqrt(meanSquare(steps) + meanSquare(bends));
}

function pairs(
  a: readonly (number | null)[],
  b: readonly (number | null)[],
  shift: number,
): readonly (readonly [number, number])[] {
  return a.flatMap((value, i) => {
    const other = b[i + shift] ?? null;
    return value === null || other === null ? [] : [[value, other] as const];
  });
}

function meanSquare(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value * value, 0) / Math.max(1, values.length);
}
