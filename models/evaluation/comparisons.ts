import { mean, variance } from '../statistics/describe.js';
import { chiSquaredTail, studentTwoSided } from '../statistics/special.js';

export interface TTest {
  readonly t: number;
  readonly degreesOfFreedom: number;
  /** Two-sided. */
  readonly p: number;
}

/** Independent samples of at least two values; equal variances assumed (the study's test) unless `welch`. */
export function independentT(a: readonly number[], b: readonly number[], { welch = false } = {}): TTest {
  const [va, vb] = [variance(a) / a.length, variance(b) / b.length];
  const pooledDf = a.length + b.length - 2;
  const pooled = ((a.length - 1) * variance(a) + (b.length - 1) * variance(b)) / pooledDf;
  const error = welch ? va + vb : pooled * (1 / a.length + 1 / b.length);
  const welchDf = (va + vb) ** 2 / (va ** 2 / (a.length - 1) + vb ** 2 / (b.length - 1));
  const degreesOfFreedom = welch ? welchDf : pooledDf;
  const t = (mean(a) - mean(b)) / Math.sqrt(error);
  return { t, degreesOfFreedom, p: studentTwoSided(t, degreesOfFreedom) };
}

export interface ChiSquared {
  readonly statistic: number;
  readonly degreesOfFreedom: number;
  readonly p: number;
  /** Below 5 the test is not to be trusted. */
  readonly smallestExpected: number;
}

/**
 * Of independence in a table of counts [row][column]; with Yates' correction for 2 by 2 when `yates`.
 * @returns null when a row or a column is empty throughout: there is nothing to test
 */
export function chiSquared(table: readonly (readonly number[])[], { yates = false } = {}): ChiSquared | null {
  const rows = table.map((row) => row.reduce((sum, count) => sum + count, 0));
  const columns = table[0]!.map((_, j) => table.reduce((sum, row) => sum + row[j]!, 0));
  if ([...rows, ...columns].some((sum) => sum === 0)) return null;
  const total = rows.reduce((sum, count) => sum + count, 0);
  const degreesOfFreedom = (rows.length - 1) * (columns.length - 1);
  let statistic = 0;
  let smallestExpected = Infinity;
  for (const [i, row] of table.entries())
    for (const [j, count] of row.entries()) {
      const expected = (rows[i]! * columns[j]!) / total;
      const difference = Math.abs(count - expected);
      // Never beyond the difference itself, as SciPy and R have it.
      const correction = yates && degreesOfFreedom === 1 ? Math.min(0.5, difference) : 0;
      statistic += (difference - correction) ** 2 / expected;
      smallestExpected = Math.min(smallestExpected, expected);
    }
  return { statistic, degreesOfFreedom, p: chiSquaredTail(statistic, degreesOfFreedom), smallestExpected };
}
