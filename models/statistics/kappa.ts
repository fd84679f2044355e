import type { Interval } from './describe.js';
import { normalQuantile } from './special.js';

export interface Kappa {
  readonly kappa: number;
  /** 95 %; null where the two agree, or differ, throughout. */
  readonly interval: Interval | null;
  /** Share on which they say the same. */
  readonly observed: number;
  readonly pairs: number;
}

/**
 * Cohen's kappa of two readers who say yes or no (Educ Psychol Meas 20 (1960) 37-46), with the large-sample standard error
 * of Fleiss, Cohen and Everitt (Psychol Bull 72 (1969) 323-327).
 * @returns null where there is no pair, or both say one thing throughout: then agreement by chance is certain
 */
export function cohenKappa(pairs: readonly (readonly [boolean, boolean])[]): Kappa | null {
  const n = pairs.length;
  if (n === 0) return null;
  const share = (a: boolean, b: boolean) => pairs.filter(([x, y]) => x === a && y === b).length / n;
  const table = [
    [share(false, false), share(false, true)],
    [share(true, false), share(true, true)],
  ] as const;
  const rows = table.map(([a, b]) => a + b);
  const columns = [table[0][0] + table[1][0], table[0][1] + table[1][1]];
  const observed = table[0][0] + table[1][1];
  const expected = rows[0]! * columns[0]! + rows[1]! * columns[1]!;
  if (expected >= 1) return null;
  const kappa = (observed - expected) / (1 - expected);
  let spread = -((kappa - expected * (1 - kappa)) ** 2);
  for (const i of [0, 1] as const)
    for (const j of [0, 1] as const)
      spread +=
        i === j
          ? table[i][i] * (1 - (rows[i]! + columns[i]!) * (1 - kappa)) ** 2
          : (1 - kappa) ** 2 * table[i][j] * (columns[i]! + rows[j]!) ** 2;
  const reach = (normalQuantile(0.975) * Math.sqrt(Math.max(0, spread) / n)) / (1 - expected);
  const interval = reach > 0 ? { low: Math.max(-1, kappa - reach), high: Math.min(1, kappa + reach) } : null;
  return { kappa, interval, observed, pairs: n };
}
