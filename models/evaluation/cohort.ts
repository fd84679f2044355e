import { LEVELS } from '../../agent/domain/levels.js';
import { groupBy, mean, standardDeviation } from '../statistics/describe.js';
import { type Matching, matchOneToOne } from '../statistics/matching.js';
import { shapiroWilk } from '../statistics/shapiroWilk.js';
import { chiSquared, independentT } from './comparisons.js';
import type { LabelledRegion } from './dataset.js';

interface Patient {
  readonly isCase: boolean;
  readonly age: number | null;
  readonly sex: string | null;
  readonly bmi: number | null;
}

/** A line of the table: [of those with calcification, of those without]. */
export type Characteristic =
  | {
      readonly kind: 'measure';
      readonly name: 'age' | 'bmi';
      readonly groups: readonly [Measured, Measured];
      /** Independent t test; null with fewer than two values in a group. */
      readonly p: number | null;
    }
  | {
      readonly kind: 'counts';
      readonly name: 'sex' | 'level';
      readonly values: readonly string[];
      readonly counts: readonly [readonly number[], readonly number[]];
      /** Chi-squared, without correction; null where there is nothing to test. */
      readonly p: number | null;
      /** A count below 5 was to be expected somewhere: p is not to be trusted. */
      readonly sparse: boolean;
    };

export interface Measured {
  readonly count: number;
  readonly mean: number | null;
  readonly sd: number | null;
  /** Shapiro-Wilk's p; below 0.05 the mean and SD describe the group badly. */
  readonly normality: number | null;
}

export interface Cohort {
  readonly patients: readonly [cases: number, controls: number];
  readonly regions: readonly [calcified: number, notCalcified: number];
  readonly characteristics: readonly Characteristic[];
  /** 1:1 on age, sex and BMI; null where they are not recorded for at least two patients of each group. */
  readonly matching: CohortMatching | null;
}

export interface CohortMatching {
  readonly considered: number;
  readonly pairs: number;
  readonly converged: boolean;
  /** Standardised differences of age, sex (male), BMI. */
  readonly differences: Matching['differences'];
}

/** Who the regions come from. A patient with any calcified disc is a case. */
export function describeCohort(regions: readonly LabelledRegion[]): Cohort {
  const patients = [...groupBy(regions, ({ patient }) => patient).values()].map(patientOf);
  const isCase = ({ isCase }: Patient) => isCase;
  return {
    patients: [patients.filter(isCase).length, patients.filter((p) => !p.isCase).length],
    regions: [regions.filter(({ label }) => label).length, regions.filter(({ label }) => !label).length],
    characteristics: [
      measure('age', patients),
      counts('sex', patients, isCase, ['F', 'M', 'O'], ({ sex }) => sex),
      measure('bmi', patients),
      counts(
        'level',
        regions,
        ({ label }) => label,
        LEVELS,
        ({ level }) => level,
      ),
    ].filter((line) => line !== null),
    matching: match(patients),
  };
}

function patientOf(regions: readonly LabelledRegion[]): Patient {
  const known = <T>(values: readonly (T | null)[]) => values.find((value) => value !== null) ?? null;
  return {
    isCase: regions.some(({ label }) => label),
    age: known(regions.map(({ age }) => age)),
    sex: known(regions.map(({ sex }) => sex)),
    bmi: known(regions.map(({ bmi }) => bmi)),
  };
}

/** null where nobody's is recorded. */
function measure(name: 'age' | 'bmi', patients: readonly Patient[]): Characteristic | null {
  const valuesOf = (cases: boolean) =>
    patients.filter((p) => p.isCase === cases).flatMap((patient) => patient[name] ?? []);
  const [cases, controls] = [valuesOf(true), valuesOf(false)];
  if (cases.length + controls.length === 0) return null;
  const p = Math.min(cases.length, controls.length) < 2 ? null : independentT(cases, controls).p;
  return { kind: 'measure', name, groups: [describe(cases), describe(controls)], p };
}

function describe(values: readonly number[]): Measured {
  return {
    count: values.length,
    mean: values.length > 0 ? mean(values) : null,
    sd: values.length > 1 ? standardDeviation(values) : null,
    normality: shapiroWilk(values)?.p ?? null,
  };
}

function counts<T>(
  name: 'sex' | 'level',
  items: readonly T[],
  isCase: (item: T) => boolean,
  possible: readonly string[],
  pick: (item: T) => string | null,
): Characteristic | null {
  const values = possible.filter((value) => items.some((item) => pick(item) === value));
  if (values.length === 0) return null;
  const countsOf = (cases: boolean) =>
    values.map((value) => items.filter((item) => isCase(item) === cases && pick(item) === value).length);
  const both = [countsOf(true), countsOf(false)] as const;
  const test = values.length > 1 ? chiSquared(both) : null;
  const sparse = test !== null && test.smallestExpected < 5;
  return { kind: 'counts', name, values, counts: both, p: test?.p ?? null, sparse };
}

function match(patients: readonly Patient[]): CohortMatching | null {
  const complete = patients.flatMap(({ isCase, age, sex, bmi }) =>
    age === null || sex === null || bmi === null
      ? []
      : [{ isCase, covariates: [age, Number(sex === 'M'), bmi] }],
  );
  const cases = complete.filter(({ isCase }) => isCase).length;
  if (Math.min(cases, complete.length - cases) < 2) return null;
  const { pairs, converged, differences } = matchOneToOne(complete);
  return { considered: complete.length, pairs: pairs.length, converged, differences };
}
