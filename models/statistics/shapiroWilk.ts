import { normalCdf, normalQuantile } from './special.js';

export interface ShapiroWilk {
  /** 0..1, near 1 for a normal sample. */
  readonly w: number;
  readonly p: number;
}

const C1 = [0, 0.221157, -0.147981, -2.07119, 4.434685, -2.706056];
const C2 = [0, 0.042981, -0.293762, -1.752461, 5.682633, -3.582633];
const C3 = [0.544, -0.39978, 0.025054, -6.714e-4];
const C4 = [1.3822, -0.77857, 0.062767, -0.0020322];
const C5 = [-1.5861, -0.31082, -0.083751, 0.0038915];
const C6 = [-0.4803, -0.082676, 0.0030302];
const G = [-2.273, 0.459];

/**
 * The Shapiro-Wilk test of normality; Royston, "Remark AS R94", Applied Statistics 44 (1995) 547-551.
 * @param values 3 to 5000 of them, not all equal; outside of that null: there is nothing to test
 */
export function shapiroWilk(values: readonly number[]): ShapiroWilk | null {
  const n = values.length;
  const sorted = values.toSorted((a, b) => a - b);
  if (n < 3 || n > 5000 || sorted[0] === sorted[n - 1]) return null;
  const centre = sorted.reduce((sum, x) => sum + x, 0) / n;
  const spread = sorted.reduce((sum, x) => sum + (x - centre) ** 2, 0);
  const weighted = weights(n).reduce((sum, a, i) => sum + a * (sorted[n - 1 - i]! - sorted[i]!), 0);
  const w = Math.min(1, weighted ** 2 / spread);
  return { w, p: pValue(w, n) };
}

/** Of the lower half, positive; the upper half has the same with the other sign. Their squares sum to a half. */
function weights(n: number): number[] {
  if (n === 3) return [Math.SQRT1_2];
  const half = Math.floor(n / 2);
  const m = Array.from({ length: half }, (_, i) => normalQuantile((i + 1 - 0.375) / (n + 0.25)));
  const sumOfSquares = 2 * m.reduce((sum, value) => sum + value * value, 0);
  const root = 1 / Math.sqrt(n);
  const exact = [polynomial(C1, root), ...(n > 5 ? [polynomial(C2, root)] : [])].map(
    (correction, i) => correction - m[i]! / Math.sqrt(sumOfSquares),
  );
  const rest = sumOfSquares - 2 * exact.reduce((sum, _, i) => sum + m[i]! ** 2, 0);
  const factor = Math.sqrt(rest / (1 - 2 * exact.reduce((sum, a) => sum + a * a, 0)));
  return m.map((value, i) => exact[i] ?? -value / factor);
}

function pValue(w: number, n: number): number {
  if (n === 3) return Math.max(0, (6 / Math.PI) * (Math.asin(Math.sqrt(w)) - Math.asin(Math.sqrt(0.75))));
  const y = Math.log(1 - w);
  if (n > 11) {
    const x = Math.log(n);
    return 1 - normalCdf((y - polynomial(C5, x)) / Math.exp(polynomial(C6, x)));
  }
  const limit = polynomial(G, n);
  if (y >= limit) return 1e-99;
  return 1 - normalCdf((-Math.log(limit - y) - polynomial(C3, n)) / Math.exp(polynomial(C4, n)));
}

/** Lowest power first. */
function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);
}
