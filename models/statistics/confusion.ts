import type { Interval } from './describe.js';
import { normalQuantile } from './special.js';

/** What the reference says, and what was answered. */
export interface Called {
  readonly label: boolean;
  readonly calledPositive: boolean;
}

export interface Confusion {
  readonly truePositive: number;
  readonly falsePositive: number;
  readonly falseNegative: number;
  readonly trueNegative: number;
}

/** A share with its 95% Wilson interval; null where there is nothing to take a share of. */
export interface Share extends Interval {
  readonly value: number;
}

export interface Performance extends Confusion {
  readonly accuracy: Share | null;
  readonly sensitivity: Share | null;
  readonly specificity: Share | null;
  /** Precision is its other name. */
  readonly positivePredictiveValue: Share | null;
  readonly negativePredictiveValue: Share | null;
  readonly f1: number | null;
}

export function performanceOf(answers: readonly Called[]): Performance {
  const count = (label: boolean, positive: boolean) =>
    answers.filter((answer) => answer.label === label && answer.calledPositive === positive).length;
  const truePositive = count(true, true);
  const falsePositive = count(false, true);
  const falseNegative = count(true, false);
  const trueNegative = count(false, false);
  return performanceOfCounts({ truePositive, falsePositive, falseNegative, trueNegative });
}

export function performanceOfCounts(counts: Confusion): Performance {
  const { truePositive, falsePositive, falseNegative, trueNegative } = counts;
  const all = truePositive + falsePositive + falseNegative + trueNegative;
  const mentioned = 2 * truePositive + falsePositive + falseNegative;
  return {
    truePositive,
    falsePositive,
    falseNegative,
    trueNegative,
    accuracy: share(truePositive + trueNegative, all),
    sensitivity: share(truePositive, truePositive + falseNegative),
    specificity: share(trueNegative, trueNegative + falsePositive),
    positivePredictiveValue: share(truePositive, truePositive + falsePositive),
    negativePredictiveValue: share(trueNegative, trueNegative + falseNegative),
    f1: mentioned === 0 ? null : (2 * truePositive) / mentioned,
  };
}

/** Wilson, JASA 22 (1927) 209-212: stays within 0..1 and is right for small numbers. */
export function share(part: number, whole: number): Share | null {
  if (whole === 0) return null;
  const value = part / whole;
  const z2 = normalQuantile(0.975) ** 2;
  const centre = (value + z2 / (2 * whole)) / (1 + z2 / whole);
  const reach = Math.sqrt((z2 * (value * (1 - value) + z2 / (4 * whole))) / whole) / (1 + z2 / whole);
  return { value, low: Math.max(0, centre - reach), high: Math.min(1, centre + reach) };
}
