import { LEVELS } from '../../agent/domain/levels.js';
import { groupBy, mean, standardDeviation } from '../statistics/describe.js';
import { type Matching, matchOneToOne } from '../statistics/matching.js';
import { shapiroWilk } from '../statistics/shapiroWilk.js';
import { chiSquared, independentT } from './comparisons.js';
import type { LabelledRegion } from './dataset.js';

export interface Patient {
  /** Any disc calcified. */
  readonly isCase: boolean;
  readonly age: number | null;
  readonly sex: string | null;
  readonly bmi: number | null;
  readonly regions: readonly LabelledRegion[];
}

/** Two groups beside each other: those with calcification and those without, or two sets. */
export interface Grouped {
  readonly patients: readonly [readonly Patient[], readonly Patient[]];
  readonly regions: readonly [readonly LabelledRegion[], readonly LabelledRegion[]];
}

/** A line of the table: [of the first group, of the second]. */
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
      readonly name: 'sex' | 'level' | 'patientLabel' | 'label';
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
  const patients = patientsOf(regions);
  const groups: Grouped = {
    patients: [patients.filter(({ isCase }) => isCase), patients.filter(({ isCase }) => !isCase)],
    regions: [regions.filter(({ label }) => label), regions.filter(({ label }) => !label)],
  };
  return {
    patients: [groups.patients[0].length, groups.patients[1].length],
    regions: [groups.regions[0].length, groups.regions[1].length],
    characteristics: describeGroups(groups),
    matching: match(patients),
  };
}

/** The lines of a Table 1. @param withLabels also how many patients and discs are calcified */
export function describeGroups(
  { patients, regions }: Grouped,
  { withLabels = false } = {},
): readonly Characteristic[] {
  const called = (isSo: boolean) => (isSo ? 'calcified' : 'not calcified');
  return [
    measure('age', patients),
    counts('sex', patients, ['F', 'M', 'O'], ({ sex }) => sex),
    measure('bmi', patients),
    ...(withLabels
      ? [
          counts('patientLabel', patients, LABELS, ({ isCase }) => called(isCase)),
          counts('label', regions, LABELS, ({ label }) => called(label)),
        ]
      : []),
    counts('level', regions, LEVELS, ({ level }) => level),
  ].filter((line) => line !== null);
}

const LABELS = ['calcified', 'not calcified'] as const;

export function patientsOf(regions: readonly LabelledRegion[]): Patient[] {
  return [...groupBy(regions, ({ patient }) => patient).values()].map(patientOf);
}

function patientOf(regions: readonly LabelledRegion[]): Patient {
  const known = <T>(values: readonly (T | null)[]) => values.find((value) => value !== null) ?? null;
  return {
    isCase: regions.some(({ label }) => label),
    age: known(regions.map(({ age }) => age)),
    sex: known(regions.map(({ sex }) => sex)),
    bmi: known(regions.map(({ bmi }) => bmi)),
    regions,
  };
}

/** null where nobody's is recorded. */
function measure(name: 'age' | 'bmi', groups: Grouped['patients']): Characteristic | null {
  const valuesOf = (patients: readonly Patient[]) => patients.flatMap((patient) => patient[name] ?? []);
  const [first, second] = [valuesOf(groups[0]), valuesOf(groups[1])];
  if (first.length + second.length === 0) return null;
  const p = Math.min(first.length, second.length) < 2 ? null : independentT(first, second).p;
  return { kind: 'measure', name, groups: [describe(first), describe(second)], p };
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
  name: Extract<Characteristic, { kind: 'counts' }>['name'],
  groups: readonly [readonly T[], readonly T[]],
  possible: readonly string[],
  pick: (item: T) => string | null,
): Characteristic | null {
  const values = possible.filter((value) =>
    groups.some((items) => items.some((item) => pick(item) === value)),
  );
  if (values.length === 0) return null;
  const countsOf = (items: readonly T[]) =>
    values.map((value) => items.filter((item) => pick(item) === value).length);
  const both = [countsOf(groups[0]), countsOf(groups[1])] as const;
  const test = values.length > 1 ? chiSquared(both) : null;
  const sparse = test !== null && test.smallestExpected < 5;
  return { kind: 'counts', name, values, counts: both, p: test?.p ?? null, sparse };
}

/** Age, sex (male), BMI; null where one is not recorded. */
export function completeSubject({ age, sex, bmi }: Patient): readonly [number, number, number] | null {
  return age === null || sex === null || bmi === null ? null : [age, Number(sex === 'M'), bmi];
}

function match(patients: readonly Patient[]): CohortMatching | null {
  const complete = patients.flatMap((patient) => {
    const covariates = completeSubject(patient);
    return covariates ? [{ isCase: patient.isCase, covariates }] : [];
  });
  const cases = complete.filter(({ isCase }) => isCase).length;
  if (Math.min(cases, complete.length - cases) < 2) return null;
  const { pairs, converged, differences } = matchOneToOne(complete);
  return { considered: complete.length, pairs: pairs.length, converged, differences };
}
