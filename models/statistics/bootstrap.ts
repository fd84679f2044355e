import { groupBy, type Interval, quantile } from './describe.js';

/** mulberry32: small, seeded, the same everywhere; 0 <= x < 1. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface BootstrapOptions {
  readonly rounds?: number;
  readonly seed?: number;
}

/**
 * 95% percentile interval. Whole groups (patients) are drawn with replacement, because what belongs to one patient is
 * not independent. Rounds whose draw has no value (one class missing) are left out.
 * @returns null when fewer than half of the rounds have a value
 */
export function bootstrapInterval<T>(
  items: readonly T[],
  groupOf: (item: T) => string,
  statistic: (sample: readonly T[]) => number | null,
  { rounds = 2000, seed = 1 }: BootstrapOptions = {},
): Interval | null {
  const groups = [...groupBy(items, groupOf).values()];
  const random = seededRandom(seed);
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const sample = groups.flatMap(() => groups[Math.floor(random() * groups.length)]!);
    const value = statistic(sample);
    if (value !== null) values.push(value);
  }
  if (values.length * 2 < rounds) return null;
  values.sort((a, b) => a - b);
  return { low: quantile(values, 0.025), high: quantile(values, 0.975) };
}
