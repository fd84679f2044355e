import { groupBy, mean } from './describe.js';
import { fitLogistic } from './logistic.js';
import type { Scored } from './roc.js';

export interface CalibrationBin {
  /** Mean probability answered, and share that was positive. */
  readonly predicted: number;
  readonly observed: number;
  readonly count: number;
}

export interface Calibration {
  /** Mean squared error of the probability; 0 is best. */
  readonly brier: number;
  /** Mean distance of predicted and observed over ten bins of equal width, weighted by count. */
  readonly expectedError: number;
  /** Logistic regression of the label on the logit: 1 and 0 when calibrated; null when it cannot be fitted. */
  readonly slope: number | null;
  readonly intercept: number | null;
  readonly bins: readonly CalibrationBin[];
}

const BINS = 10;
/** The logit of 0 and 1 is infinite; float32 probabilities come no nearer than this. */
const NEAREST = 1e-7;

/** @param scored scores are probabilities, 0..1 */
export function calibrationOf(scored: readonly Scored[]): Calibration {
  const bins = binsOf(scored);
  const logits = scored.map(({ score }) => {
    const p = Math.min(Math.max(score, NEAREST), 1 - NEAREST);
    return [Math.log(p / (1 - p))];
  });
  const fit = fitLogistic(
    logits,
    scored.map(({ label }) => label),
  );
  const [intercept, slope] = fit.converged ? fit.coefficients : [null, null];
  const gap = ({ predicted, observed, count }: CalibrationBin) => Math.abs(predicted - observed) * count;
  return {
    brier: mean(scored.map(({ label, score }) => (score - Number(label)) ** 2)),
    expectedError: bins.reduce((sum, bin) => sum + gap(bin), 0) / scored.length,
    slope: slope ?? null,
    intercept: intercept ?? null,
    bins,
  };
}

function binsOf(scored: readonly Scored[]): CalibrationBin[] {
  const binOf = ({ score }: Scored) => Math.min(BINS - 1, Math.floor(score * BINS));
  const filled = [...groupBy(scored, binOf).entries()].sort(([a], [b]) => a - b);
  return filled.map(([, members]) => ({
    predicted: mean(members.map(({ score }) => score)),
    observed: mean(members.map(({ label }) => Number(label))),
    count: members.length,
  }));
}
