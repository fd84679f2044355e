export interface LogisticFit {
  /** Intercept first, then one per column. */
  readonly coefficients: readonly number[];
  readonly converged: boolean;
}

const MAX_STEPS = 100;
const TOLERANCE = 1e-12;

/**
 * Maximum-likelihood logistic regression without penalty, by Newton's method.
 * `converged` is false where there is no maximum (the columns separate the outcomes) or columns depend on each other.
 * @param rows one array of columns per subject
 */
export function fitLogistic(rows: readonly (readonly number[])[], outcomes: readonly boolean[]): LogisticFit {
  const design = rows.map((row) => [1, ...row]);
  let coefficients: number[] = design[0]!.map(() => 0);
  for (let step = 0; step < MAX_STEPS; step++) {
    const change = newtonStep(design, outcomes, coefficients);
    if (change === null) return { coefficients, converged: false };
    coefficients = coefficients.map((c, i) => c + change[i]!);
    if (Math.max(...change.map(Math.abs)) < TOLERANCE * (1 + Math.max(...coefficients.map(Math.abs))))
      return { coefficients, converged: true };
  }
  return { coefficients, converged: false };
}

/** Linear predictor, the logit of the probability. */
export function logitOf({ coefficients }: LogisticFit, row: readonly number[]): number {
  return row.reduce((sum, value, i) => sum + value * coefficients[i + 1]!, coefficients[0]!);
}

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

function newtonStep(
  design: readonly (readonly number[])[],
  outcomes: readonly boolean[],
  coefficients: readonly number[],
): number[] | null {
  const size = coefficients.length;
  const gradient = new Array<number>(size).fill(0);
  const information = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  for (const [n, row] of design.entries()) {
    const p = sigmoid(row.reduce((sum, value, i) => sum + value * coefficients[i]!, 0));
    const residual = Number(outcomes[n]) - p;
    for (let i = 0; i < size; i++) {
      gradient[i]! += residual * row[i]!;
      for (let j = 0; j < size; j++) information[i]![j]! += p * (1 - p) * row[i]! * row[j]!;
    }
  }
  return solve(information, gradient);
}

/** Gaussian elimination with partial pivoting; null for a singular matrix. */
export function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] | null {
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  const size = rows.length;
  const scale = Math.max(...matrix.flat().map(Math.abs));
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let i = column + 1; i < size; i++)
      if (Math.abs(rows[i]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = i;
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    if (!(Math.abs(rows[column]![column]!) > 1e-14 * scale)) return null;
    for (let i = 0; i < size; i++) {
      if (i === column) continue;
      const factor = rows[i]![column]! / rows[column]![column]!;
      for (let j = column; j <= size; j++) rows[i]![j]! -= factor * rows[column]![j]!;
    }
  }
  return rows.map((row, i) => row[size]! / row[i]!);
}
