import type { SetFigures } from '../evaluation/setFigures.js';
import type { SetComparison, SetTable } from '../evaluation/twoSets.js';
import { characteristicRows, matchingOf, NONE, signed, type Table, withInterval } from './tables.js';

/** Development and external set beside each other, before and after matching, and the models on both. */
export function setTables(comparison: SetComparison, figures: readonly SetFigures[]): Table[] {
  const { all, matched, matching, sharedNames } = comparison;
  const alike = sharedNames > 0 ? [sharedNote(sharedNames)] : [];
  return [
    tableOneOf(all, 'Table 1 by set', alike),
    ...(matching ? [matchingOf(matching, 'Propensity score matching of the two sets, 1:1', 'sets')] : []),
    ...(matched ? [tableOneOf(matched, 'Table 1 by set, matched patients', [])] : []),
    figuresTable(figures, matching !== null),
  ];
}

function tableOneOf({ patients, regions, characteristics }: SetTable, title: string, notes: string[]): Table {
  return {
    title,
    header: ['Characteristic', `Development (n = ${patients[0]})`, `External (n = ${patients[1]})`, 'P'],
    rows: [
      ...characteristics.flatMap(characteristicRows),
      ['All discs', String(regions[0]), String(regions[1]), NONE],
    ],
    notes: [
      'n counts patients. Mean ± SD with the independent t test; counts with the chi-squared test, for matched pairs too.',
      ...notes,
    ],
  };
}

function sharedNote(names: number): string {
  const stand = names === 1 ? '1 name of a patient stands' : `${names} names of patients stand`;
  return `${stand} in both sets: the same patient twice, or two that are called alike. Look before you believe this.`;
}

function figuresTable(figures: readonly SetFigures[], isMatched: boolean): Table {
  return {
    title: 'The models on both sets',
    header: ['', 'Patients', 'AUC, development', 'AUC, external', 'Difference', 'P'],
    rows: figures.map(({ model, which, development, external, difference, p }) => [
      model,
      which,
      auc(development),
      auc(external),
      difference === null ? NONE : signed(difference),
      p === null ? NONE : p < 0.001 ? '< 0.001' : p.toFixed(3),
    ]),
    notes: [
      "AUC with DeLong's 95 % interval; the two are of different patients, so P is of z = difference / √(variance + variance). " +
        'Discs are taken for independent, which those of one patient are not.',
      ...(isMatched
        ? []
        : ['Nothing was matched: age, sex and BMI are not recorded for two patients of each set.']),
    ],
  };
}

function auc(value: SetFigures['development']): string {
  return value ? withInterval(value.auc, value.interval) : NONE;
}
