/**
 * The distribution functions the tests need, to about 1e-13 (test/study holds them to SciPy's). Written here because
 * the well-kept library for them comes as 232 packages, and the small one stops its continued fraction at 3e-7.
 */

/** P(Z <= z) of the standard normal. */
export function normalCdf(z: number): number {
  const tail = upperGamma(0.5, (z * z) / 2) / 2;
  return z > 0 ? 1 - tail : tail;
}

/** Two-sided p of a standard normal statistic. */
export function normalTwoSided(z: number): number {
  return upperGamma(0.5, (z * z) / 2);
}

/** P(X > x) of chi-squared. */
export function chiSquaredTail(x: number, degreesOfFreedom: number): number {
  return x <= 0 ? 1 : upperGamma(degreesOfFreedom / 2, x / 2);
}

/** Two-sided p of Student's t; the degrees of freedom need not be whole (Welch). */
export function studentTwoSided(t: number, degreesOfFreedom: number): number {
  return incompleteBeta(degreesOfFreedom / (degreesOfFreedom + t * t), degreesOfFreedom / 2, 0.5);
}

/** z with P(Z <= z) = p: Acklam's rational start, then two steps of Halley's method. */
export function normalQuantile(p: number): number {
  if (p <= 0 || p >= 1) return p === 0 ? -Infinity : p === 1 ? Infinity : Number.NaN;
  let z = acklam(p);
  for (let i = 0; i < 2; i++) {
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    const step = (normalCdf(z) - p) / density;
    z -= step / (1 + (z * step) / 2);
  }
  return z;
}

const ACKLAM = {
  a: [
    -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
    2.506628277459239,
  ],
  b: [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1],
  c: [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ],
  d: [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1],
} as const;

function acklam(p: number): number {
  const { a, b, c, d } = ACKLAM;
  if (p > 0.97575) return -acklam(1 - p);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return horner(c, q) / horner(d, q);
  }
  const q = p - 0.5;
  return (q * horner(a, q * q)) / horner(b, q * q);
}

/** Highest power first. */
function horner(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln Γ(x), x > 0: Lanczos, g = 7. */
export function lnGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - lnGamma(1 - x);
  const t = x + 6.5;
  const sum = LANCZOS.reduce((total, c, i) => (i === 0 ? c : total + c / (x - 1 + i)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

const TINY = 1e-300;
const PRECISION = 1e-16;
const MAX_TERMS = 10_000;

/** Q(a, x), the regularised upper incomplete gamma function: series below a + 1, continued fraction above. */
export function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const front = Math.exp(a * Math.log(x) - x - lnGamma(a));
  if (x < a + 1) return 1 - front * lowerSeries(a, x);
  const fraction = (i: number) =>
    (i === 0 ? [1, x + 1 - a] : [i * (a - i), x + 1 - a + 2 * i]) as [number, number];
  return front * continuedFraction(fraction);
}

function lowerSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < MAX_TERMS && term > sum * PRECISION; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/** I_x(a, b), the regularised incomplete beta function. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return (front / a) * continuedFraction((i) => [betaNumerator(i, x, a, b), 1]);
}

/** DLMF 8.17.22 */
function betaNumerator(i: number, x: number, a: number, b: number): number {
  if (i === 0) return 1;
  const m = i >> 1;
  if (i % 2 === 0) return (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
  return (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
}

/** n0 / (d0 + n1 / (d1 + ...)) by the modified method of Lentz. */
function continuedFraction(term: (i: number) => [numerator: number, denominator: number]): number {
  let value = TINY;
  let c = TINY;
  let d = 0;
  for (let i = 0; i < MAX_TERMS; i++) {
    const [numerator, denominator] = term(i);
    d = 1 / (denominator + numerator * d || TINY);
    c = denominator + numerator / c || TINY;
    value *= c * d;
    if (i > 0 && Math.abs(c * d - 1) < PRECISION) break;
  }
  return value;
}
