import { covariance, type Interval, midranks } from './describe.js';
import type { Scored } from './roc.js';
import { normalQuantile, normalTwoSided } from './special.js';

export interface DelongAuc {
  readonly auc: number;
  readonly standardError: number;
  /** 95%, cut to 0..1. */
  readonly interval: Interval;
}

export interface DelongTest {
  readonly difference: number;
  readonly z: number;
  /** Two-sided. */
  readonly p: number;
}

/**
 * DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837-845, with midranks (Sun and Xu, IEEE SPL 2014). It takes
 * the regions for independent, which those of one patient are not: the bootstrap by patient is the wider answer.
 * @returns null where a class has fewer than two regions
 */
export function delongAuc(scored: readonly Scored[]): DelongAuc | null {
  const parts = components(scored);
  if (!parts) return null;
  const standardError = Math.sqrt(jointVariance(parts, parts));
  const reach = normalQuantile(0.975) * standardError;
  const interval = { low: Math.max(0, parts.auc - reach), high: Math.min(1, parts.auc + reach) };
  return { auc: parts.auc, standardError, interval };
}

/** Two models on the same regions, in the same order; null where a class has fewer than two regions. */
export function delongTest(a: readonly Scored[], b: readonly Scored[]): DelongTest | null {
  const [first, second] = [components(a), components(b)];
  if (!first || !second) return null;
  const difference = first.auc - second.auc;
  const spread =
    jointVariance(first, first) + jointVariance(second, second) - 2 * jointVariance(first, second);
  if (!(spread > 0)) return { difference, z: 0, p: 1 };
  const z = difference / Math.sqrt(spread);
  return { difference, z, p: normalTwoSided(z) };
}

interface Components {
  readonly auc: number;
  /** Per positive, the share of negatives below it; per negative, the share of positives above it. */
  readonly ofPositives: readonly number[];
  readonly ofNegatives: readonly number[];
}

function components(scored: readonly Scored[]): Components | null {
  const positives = scored.filter(({ label }) => label).map(({ score }) => score);
  const negatives = scored.filter(({ label }) => !label).map(({ score }) => score);
  if (positives.length < 2 || negatives.length < 2) return null;
  const all = midranks([...positives, ...negatives]);
  const [amongPositives, amongNegatives] = [midranks(positives), midranks(negatives)];
  const ofPositives = positives.map((_, i) => (all[i]! - amongPositives[i]!) / negatives.length);
  const ofNegatives = negatives.map(
    (_, j) => 1 - (all[positives.length + j]! - amongNegatives[j]!) / positives.length,
  );
  const auc = ofPositives.reduce((sum, share) => sum + share, 0) / positives.length;
  return { auc, ofPositives, ofNegatives };
}

function jointVariance(a: Components, b: Components): number {
  return (
    covariance(a.ofPositives, b.ofPositives) / a.ofPositives.length +
    covariance(a.ofNegatives, b.ofNegatives) / a.ofNegatives.length
  );
}
