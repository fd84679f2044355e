import { groupBy } from '../statistics/describe.js';
import { matchOneToOne, type Subject } from '../statistics/matching.js';
import {
  type Characteristic,
  type CohortMatching,
  completeSubject,
  describeGroups,
  type Grouped,
  patientsOf,
} from './cohort.js';
import type { LabelledRegion } from './dataset.js';

/** Two sets beside each other, as the study compares its development and its external set. */
export interface SetComparison {
  readonly all: SetTable;
  /** Propensity of belonging to the external set, by age, sex and BMI; null where they are known of too few. */
  readonly matching: CohortMatching | null;
  /** Of the matched patients only; null where nothing was matched. */
  readonly matched: SetTable | null;
  /** Files of the matched patients' regions, by set: whose figures may be held against each other. */
  readonly matchedFiles: readonly [development: readonly string[], external: readonly string[]];
  /** Patients' names that both sets have: the same patient in both, or two that are called alike. */
  readonly sharedNames: number;
}

export interface SetTable {
  readonly patients: readonly [development: number, external: number];
  readonly regions: readonly [development: number, external: number];
  readonly characteristics: readonly Characteristic[];
}

type Patient = ReturnType<typeof patientsOf>[number];

/**
 * Table 1 by set and 1:1 matching of the sets' patients on age, sex and BMI: the smaller set is served, from the patient
 * that is most like its own set down (models/statistics/matching.ts).
 */
export function compareSets(
  development: readonly LabelledRegion[],
  external: readonly LabelledRegion[],
): SetComparison {
  const sets = [patientsOf(development), patientsOf(external)] as const;
  const served = sets[0].length < sets[1].length ? 0 : 1;
  const complete = ([0, 1] as const).flatMap((set) =>
    sets[set].flatMap((patient) => {
      const covariates = completeSubject(patient);
      return covariates ? [{ set, patient, isCase: set === served, covariates }] : [];
    }),
  );
  const matching = matchSets(complete);
  const matchedOf = (set: 0 | 1) =>
    (matching?.pairs ?? []).flat().flatMap((i) => (complete[i]!.set === set ? [complete[i]!.patient] : []));
  const matched = [matchedOf(0), matchedOf(1)] as const;
  const filesOf = (patients: readonly Patient[]) =>
    patients.flatMap(({ regions }) => regions.map(({ file }) => file)).toSorted();
  const names = new Set(development.map(({ patient }) => patient));
  return {
    all: tableOf(sets),
    matching: matching && {
      considered: complete.length,
      pairs: matching.pairs.length,
      converged: matching.converged,
      differences: matching.differences,
    },
    matched: matched[0].length > 0 ? tableOf(matched) : null,
    matchedFiles: [filesOf(matched[0]), filesOf(matched[1])],
    sharedNames: [...groupBy(external, ({ patient }) => patient).keys()].filter((name) => names.has(name))
      .length,
  };
}

function matchSets(complete: readonly Subject[]) {
  const served = complete.filter(({ isCase }) => isCase).length;
  return Math.min(served, complete.length - served) < 2 ? null : matchOneToOne(complete);
}

function tableOf(sets: readonly [readonly Patient[], readonly Patient[]]): SetTable {
  const grouped: Grouped = { patients: sets, regions: [regionsOf(sets[0]), regionsOf(sets[1])] };
  return {
    patients: [sets[0].length, sets[1].length],
    regions: [grouped.regions[0].length, grouped.regions[1].length],
    characteristics: describeGroups(grouped, { withLabels: true }),
  };
}

function regionsOf(patients: readonly Patient[]): LabelledRegion[] {
  return patients.flatMap(({ regions }) => regions);
}
