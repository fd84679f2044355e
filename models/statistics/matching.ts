import { mean, variance } from './describe.js';
import { fitLogistic, logitOf, sigmoid } from './logistic.js';

export interface Subject {
  readonly isCase: boolean;
  /** Age, sex as 0 or 1, BMI ... the same order for every subject. */
  readonly covariates: readonly number[];
}

export interface Matching {
  /** Of being a case, given the covariates; one per subject. */
  readonly propensity: readonly number[];
  /** Indices of subjects. */
  readonly pairs: readonly (readonly [case_: number, control: number])[];
  /** Per covariate, before and after: (mean of cases - mean of controls) / pooled SD before matching. */
  readonly differences: readonly { readonly before: number; readonly after: number }[];
  readonly converged: boolean;
}

/**
 * 1:1 nearest neighbour on the logit of the propensity score, without replacement, within a caliper of 0.2 of its
 * standard deviation (Austin 2011); cases are served from the highest score down, the nearest control first.
 */
export function matchOneToOne(subjects: readonly Subject[], { caliper = 0.2 } = {}): Matching {
  const rows = subjects.map(({ covariates }) => covariates);
  const fit = fitLogistic(
    rows,
    subjects.map(({ isCase }) => isCase),
  );
  const logits = rows.map((row) => logitOf(fit, row));
  const pairs = fit.converged ? pairUp(subjects, logits, caliper * pooledDeviation(subjects, logits)) : [];
  const matched = pairs.flat().map((i) => subjects[i]!);
  const differences = rows[0]!.map((_, column) => {
    const scale = pooledDeviation(
      subjects,
      rows.map((row) => row[column]!),
    );
    return {
      before: difference(subjects, column) / scale,
      after: matched.length > 0 ? difference(matched, column) / scale : Number.NaN,
    };
  });
  return { propensity: logits.map(sigmoid), pairs, differences, converged: fit.converged };
}

function pairUp(subjects: readonly Subject[], logits: readonly number[], reach: number): [number, number][] {
  const indices = subjects.map((_, i) => i);
  const cases = indices.filter((i) => subjects[i]!.isCase).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const free = new Set(indices.filter((i) => !subjects[i]!.isCase));
  const pairs: [number, number][] = [];
  for (const one of cases) {
    let nearest = -1;
    const distance = (i: number) => Math.abs(logits[i]! - logits[one]!);
    for (const control of free) if (nearest < 0 || distance(control) < distance(nearest)) nearest = control;
    if (nearest < 0 || distance(nearest) > reach) continue;
    free.delete(nearest);
    pairs.push([one, nearest]);
  }
  return pairs;
}

function split(subjects: readonly Subject[], values: readonly number[]): [number[], number[]] {
  return [values.filter((_, i) => subjects[i]!.isCase), values.filter((_, i) => !subjects[i]!.isCase)];
}

/** Root of the mean of the two groups' variances. */
function pooledDeviation(subjects: readonly Subject[], values: readonly number[]): number {
  const [cases, controls] = split(subjects, values);
  return Math.sqrt((variance(cases) + variance(controls)) / 2);
}

function difference(subjects: readonly Subject[], column: number): number {
  const [cases, controls] = split(
    subjects,
    subjects.map(({ covariates }) => covariates[column]!),
  );
  return mean(cases) - mean(controls);
}
