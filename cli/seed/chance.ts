import { seededRandom } from '../../models/statistics/bootstrap.js';

/** @param at 0 <= at < 1 */
export function oneOf<T>(items: readonly T[], shareOf: (item: T) => number, at: number): T {
  let left = at * items.reduce((sum, item) => sum + shareOf(item), 0);
  for (const item of items) {
    left -= shareOf(item);
    if (left < 0) return item;
  }
  return items[0]!;
}

/** The same seed, the same numbers. */
export interface Chance {
  /** 0 <= x < 1 */
  share(): number;
  normal(mean: number, standardDeviation: number): number;
  pick<K extends string>(shares: Readonly<Record<K, number>>): K;
}

export function openChance(seed: number): Chance {
  const share = seededRandom(seed);
  return {
    share,
    // Box and Muller, Ann Math Stat 29 (1958) 610-611.
    normal: (mean, deviation) =>
      mean + deviation * Math.sqrt(-2 * Math.log(1 - share())) * Math.cos(2 * Math.PI * share()),
    pick<K extends string>(shares: Readonly<Record<K, number>>): K {
      return oneOf(Object.keys(shares) as K[], (key) => shares[key], share());
    },
  };
}
