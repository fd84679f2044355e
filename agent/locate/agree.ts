import { LEVELS } from '../dicom/levels.js';
import type { Located, LocatedDisc, LocateResult } from './types.js';

/** The same spine's discs lie equally far apart on MR and CT, but for posture: lying flat changes little. */
const AGREE = {
  /** Root mean square of the logarithms of the steps, MR over CT. */
  maxStepDifference: 0.12,
  /** So much better must names shifted by one level fit to be the likelier ones. */
  shiftGain: 0.05,
} as const;

/**
 * What speaks against MR and CT having named the same discs alike; [] when nothing does or too little is known.
 * Matched by level; positions differ between two scans, distances between neighbouring discs do not.
 */
export function mrCtDoubts(
  mr: Pick<LocateResult, 'discs'>,
  ct: Pick<LocateResult, 'discs'>,
): readonly string[] {
  const same = difference(stepsOf(mr.discs), stepsOf(ct.discs), 0);
  if (same === null) return [];
  const shifted = [-1, 1].map((by) => difference(stepsOf(mr.discs), stepsOf(ct.discs), by) ?? Infinity);
  if (Math.min(...shifted) < same - AGREE.shiftGain)
    return ['MR and CT disagree: their discs fit better with the levels one apart'];
  return same > AGREE.maxStepDifference ? ['MR and CT disagree: the discs lie at other distances'] : [];
}

/** The MR's answer with what the CT says against it: levels that two scans name differently are no facts. */
export function withDoubts(mr: Located<LocateResult>, doubts: readonly string[]): Located<LocateResult> {
  if (doubts.length === 0) return mr;
  const { result } = mr;
  const status = result.status === 'located' ? 'uncertain' : result.status;
  return { ...mr, result: { ...result, status, reasons: [...result.reasons, ...doubts] } };
}

/** From each disc to the next lower one, mm, null where one of them is missing; from L1-L2 down. */
function stepsOf(discs: readonly LocatedDisc[]): readonly (number | null)[] {
  const centres = LEVELS.map((level) => discs.find((disc) => disc.level === level)?.centrePatientMm);
  return centres.slice(1).map((lower, i) => {
    const upper = centres[i];
    // Across the patient the two may lie on other slices: the step is taken in the sagittal plane.
    return lower && upper ? Math.hypot(lower[1] - upper[1], lower[2] - upper[2]) : null;
  });
}

/** Null with fewer than three steps to compare: any two fit by chance. */
function difference(
  a: readonly (number | null)[],
  b: readonly (number | null)[],
  shift: number,
): number | null {
  const logs = a.flatMap((step, i) => {
    const other = b[i + shift];
    return step && other ? [Math.log(step / other)] : [];
  });
  if (logs.length < 3) return null;
  return Math.sqrt(logs.reduce((sum, log) => sum + log * log, 0) / logs.length);
}
