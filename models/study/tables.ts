import type { Characteristic, Cohort, CohortMatching, Measured } from '../evaluation/cohort.js';
import { type Evaluation, type ModelEvaluation, nameOf } from '../evaluation/evaluation.js';
import type { Performance, Share } from '../statistics/confusion.js';
import type { Interval } from '../statistics/describe.js';

/** A table before it is Markdown or HTML. */
export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

const NAMES = {
  age: 'Age, years',
  sex: 'Sex',
  bmi: 'Body mass index, kg/m²',
  level: 'Disc level',
  patientLabel: 'Patients with',
  label: 'Discs',
} as const;
const SEX: Readonly<Record<string, string>> = { F: 'female', M: 'male', O: 'other' };
export const NONE = '–';

export function allTables(evaluation: Evaluation): Table[] {
  return [
    cohortTable(evaluation.cohort),
    ...(evaluation.cohort.matching ? [matchingTable(evaluation.cohort)] : []),
    performanceTable(evaluation),
    youdenTable(evaluation),
    calibrationTable(evaluation),
    ...(evaluation.comparisons.length > 0 ? [comparisonTable(evaluation)] : []),
    ...evaluation.models.flatMap((model) => [
      sliceTable(`${nameOf(model)} by disc level`, model.perLevel),
      sliceTable(`${nameOf(model)} by site`, model.perSite),
    ]),
  ];
}

/** Shaped as the study's Table 1. */
export function cohortTable({ patients, regions, characteristics }: Cohort): Table {
  const sparse = characteristics.some((line) => line.kind === 'counts' && line.sparse);
  const skewed = characteristics.some(
    (line) => line.kind === 'measure' && line.groups.some(({ normality }) => (normality ?? 1) < 0.05),
  );
  return {
    title: 'Table 1. Who the regions come from',
    header: ['Characteristic', `Calcified (n = ${patients[0]})`, `Not calcified (n = ${patients[1]})`, 'P'],
    rows: [
      ...characteristics.flatMap(characteristicRows),
      ['Discs', String(regions[0]), String(regions[1]), NONE],
    ],
    notes: [
      'n counts patients; a patient with any calcified disc is in the first column. Levels and discs count regions. ' +
        'Mean ± SD with the independent t test; counts with the chi-squared test.',
      ...(skewed ? ['* not normally distributed (Shapiro-Wilk, P < 0.05).'] : []),
      ...(sparse ? ['† an expected count is below 5: this P is not to be trusted.'] : []),
    ],
  };
}

export function characteristicRows(line: Characteristic): string[][] {
  if (line.kind === 'measure') return [[NAMES[line.name], ...line.groups.map(measured), pText(line.p)]];
  const totals = line.counts.map((counts) => counts.reduce((sum, count) => sum + count, 0));
  const cell = (group: 0 | 1, i: number) => {
    const count = line.counts[group][i]!;
    return `${count} (${totals[group] ? ((100 * count) / totals[group]!).toFixed(1) : '0.0'}%)`;
  };
  return [
    [NAMES[line.name], '', '', pText(line.p) + (line.sparse ? '†' : '')],
    ...line.values.map((value, i) => [`– ${SEX[value] ?? value}`, cell(0, i), cell(1, i), '']),
  ];
}

function measured({ mean, sd, normality }: Measured): string {
  if (mean === null) return NONE;
  const star = normality !== null && normality < 0.05 ? '*' : '';
  return `${mean.toFixed(1)}${sd === null ? '' : ` ± ${sd.toFixed(1)}`}${star}`;
}

function matchingTable({ matching }: Cohort): Table {
  return matchingOf(matching!, 'Propensity score matching, 1:1', 'groups');
}

export function matchingOf(
  { considered, pairs, converged, differences }: CohortMatching,
  title: string,
  what: 'groups' | 'sets',
): Table {
  const names = ['Age', 'Sex (male)', 'Body mass index'];
  return {
    title,
    header: ['Covariate', 'Standardised difference before', 'after'],
    rows: names.map((name, i) => [name, signed(differences[i]!.before), signed(differences[i]!.after)]),
    notes: [
      converged
        ? `${pairs} pairs of ${considered} patients with age, sex and BMI; nearest neighbour on the logit, caliper 0.2 SD. ` +
          'Below 0.1 either way counts as balanced.'
        : `The propensity model has no solution: the covariates separate the ${what}. Nothing was matched.`,
    ],
  };
}

/** Shaped as the study's Table 2. */
function performanceTable({ models, readers, regions, calcified, patients }: Evaluation): Table {
  return {
    title: 'Table 2. Performance at the threshold each model was deployed with',
    header: ['', 'AUC (95% CI)', 'Threshold', ...PERFORMANCE_HEADER],
    rows: [
      ...models.map((model) => [
        nameOf(model),
        withInterval(model.auc, model.bootstrap),
        model.threshold.toFixed(3),
        ...performanceCells(model.atCardThreshold),
      ]),
      ...readers.map(({ name, answered, performance }) => [
        `${name} (${answered} discs)`,
        NONE,
        NONE,
        ...performanceCells(performance),
      ]),
    ],
    notes: [
      `${regions} discs of ${patients} patients, ${calcified} calcified. AUC with 95% interval from drawing whole patients ` +
        '(bootstrap); shares with 95% Wilson intervals, which take discs for independent.',
    ],
  };
}

/** The study's way of choosing, said for what it is. */
export function youdenTable({ models }: Evaluation): Table {
  return {
    title: "Performance at Youden's threshold, chosen on these very discs (optimistic)",
    header: ['', 'AUC (DeLong 95% CI)', 'Threshold', ...PERFORMANCE_HEADER],
    rows: models.map((model) => [
      nameOf(model),
      withInterval(model.auc, model.delong?.interval ?? null),
      model.atYouden?.threshold.toFixed(3) ?? NONE,
      ...(model.atYouden ? performanceCells(model.atYouden.performance) : PERFORMANCE_HEADER.map(() => NONE)),
    ]),
    notes: ['A threshold chosen on the discs it is judged by flatters: Table 2 has the figures to expect.'],
  };
}

export function calibrationTable({ models }: Evaluation): Table {
  return {
    title: 'Calibration of the probabilities',
    header: ['', 'Brier score', 'Expected calibration error', 'Slope', 'Intercept'],
    rows: models.map((model) => [
      nameOf(model),
      model.calibration.brier.toFixed(4),
      model.calibration.expectedError.toFixed(4),
      model.calibration.slope?.toFixed(3) ?? NONE,
      model.calibration.intercept?.toFixed(3) ?? NONE,
    ]),
    notes: ['Slope 1 and intercept 0 are ideal; – where labels and probabilities are separated perfectly.'],
  };
}

export function comparisonTable({ comparisons }: Evaluation): Table {
  return {
    title: "Models compared (DeLong's test for correlated AUCs)",
    header: ['First', 'Second', 'Difference of AUC', 'z', 'P'],
    rows: comparisons.map(({ a, b, test }) =>
      test ? [a, b, signed(test.difference), test.z.toFixed(2), pText(test.p)] : [a, b, NONE, NONE, NONE],
    ),
    notes: ['Not corrected for the number of comparisons.'],
  };
}

export function sliceTable(title: string, slices: ModelEvaluation['perLevel']): Table {
  return {
    title,
    header: ['', 'Discs', 'Calcified', 'AUC', 'Sensitivity', 'Specificity', 'Accuracy'],
    rows: slices.map(({ name, regions, calcified, auc, atCardThreshold }) => [
      name,
      String(regions),
      String(calcified),
      auc?.toFixed(3) ?? NONE,
      share(atCardThreshold.sensitivity),
      share(atCardThreshold.specificity),
      share(atCardThreshold.accuracy),
    ]),
    notes: [],
  };
}

export const PERFORMANCE_HEADER = [
  'Accuracy',
  'Sensitivity',
  'Specificity',
  'PPV (precision)',
  'NPV',
  'F1',
] as const;

export function performanceCells(performance: Performance): string[] {
  const { accuracy, sensitivity, specificity, positivePredictiveValue, negativePredictiveValue, f1 } =
    performance;
  return [
    ...[accuracy, sensitivity, specificity, positivePredictiveValue, negativePredictiveValue].map(share),
    f1?.toFixed(3) ?? NONE,
  ];
}

function share(value: Share | null): string {
  return value ? withInterval(value.value, value) : NONE;
}

/** The word joiner keeps an interval on one line. */
export function withInterval(value: number | null, interval: Interval | null): string {
  if (value === null) return NONE;
  return interval
    ? `${value.toFixed(3)} (${interval.low.toFixed(3)}–\u2060${interval.high.toFixed(3)})`
    : value.toFixed(3);
}

export function signed(value: number): string {
  return Number.isFinite(value) ? `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(3)}` : NONE;
}

function pText(p: number | null): string {
  if (p === null) return NONE;
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

export function toMarkdown({ title, header, rows, notes }: Table): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const table = [line(header), line(header.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)];
  return [
    `### ${title}`,
    '',
    ...table,
    ...notes.flatMap((note) => ['', note.replace(/^\*/, '\\*')]),
    '',
  ].join('\n');
}
