import type { Evaluation, ModelEvaluation } from '../evaluation/evaluation.js';
import type { Performance } from '../statistics/confusion.js';
import {
  HUMAN_READERS,
  NETWORK_NAMES,
  NETWORKS,
  type NetworkName,
  type Published,
  SITES,
  type Site,
  STUDY,
} from './published.js';
import {
  calibrationTable,
  cohortTable,
  comparisonTable,
  NONE,
  PERFORMANCE_HEADER,
  performanceCells,
  sliceTable,
  type Table,
  withInterval,
  youdenTable,
} from './tables.js';

export type StudyEvaluations = Readonly<Record<Site, Evaluation>>;

export const NOT_COMPARABLE =
  'The study: other data, real calcification, CT and pathology as its reference. Not comparable, shown for orientation.';

const SITE_TITLES: Readonly<Record<Site, string>> = {
  internal: 'internal test (held-out patients)',
  external: 'external test (the held-out patients as another simulated site)',
};

export function studyTables(evaluations: StudyEvaluations): Table[] {
  return [
    populationTable(evaluations),
    performanceTable(evaluations),
    ...SITES.flatMap((site) => {
      const evaluation = evaluations[site];
      const tables = [
        ...(evaluation.comparisons.length > 0 ? [comparisonTable(evaluation)] : []),
        youdenTable(evaluation),
        calibrationTable(evaluation),
        ...evaluation.models.map((model) => sliceTable(`${titleOf(model)} by disc level`, model.perLevel)),
      ];
      return tables.map((table) => ({ ...table, title: `${table.title}, ${SITE_TITLES[site]}` }));
    }),
  ];
}

export function titleOf({ name }: Pick<ModelEvaluation, 'name'>): string {
  return name in NETWORKS ? NETWORKS[name as NetworkName].title : name;
}

/** The study's Table 1: both tests side by side, and the study's own patients in the last column. */
function populationTable(evaluations: StudyEvaluations): Table {
  const sides = SITES.map((site) => cohortTable(evaluations[site].cohort));
  const names = [...new Set([...STUDY_LINES, ...sides.flatMap(({ rows }) => rows.map(([name]) => name!))])];
  const cellsOf = (side: Table, name: string) =>
    side.rows.find(([first]) => first === name)?.slice(1) ?? [NONE, NONE, NONE];
  return {
    title: 'Table 1. Who the regions come from',
    header: ['Characteristic', ...sides.flatMap(({ header }, i) => headed(header, SITES[i]!)), 'The study'],
    rows: names.map((name) => [
      name,
      ...sides.flatMap((side) => cellsOf(side, name)),
      PUBLISHED_CHARACTERISTICS[name] ?? '',
    ]),
    notes: [
      ...new Set(sides.flatMap(({ notes }) => notes)),
      'Every patient gives regions with and without simulated calcification, so that the groups are the same people. ' +
        'The public images come without age, sex and body mass index.',
      `The study's column: all ${STUDY.patients.toLocaleString('en')} patients of ${STUDY.citation}. ${NOT_COMPARABLE}`,
    ],
  };
}

function headed(header: readonly string[], site: Site): string[] {
  return header.slice(1).map((name) => `${name}, ${site}`);
}

/** Lines of the study's table, which stand there whether or not the images at hand come with them. */
const STUDY_LINES = ['Age, years', 'Sex', '– female', '– male', 'Body mass index, kg/m²'] as const;

const PUBLISHED_CHARACTERISTICS: Readonly<Record<string, string>> = {
  'Age, years': STUDY.age,
  '– female': String(STUDY.women),
  '– male': String(STUDY.men),
};

/** The study's Table 2: every network and the readers, both tests, ours and the study's on neighbouring lines. */
function performanceTable(evaluations: StudyEvaluations): Table {
  const networks = NETWORK_NAMES.flatMap((name) =>
    SITES.flatMap((site) => {
      const model = evaluations[site].models.find((candidate) => candidate.name === name);
      const { title, published } = NETWORKS[name];
      return [
        [`${title}, simulated`, site, ...(model ? ours(model) : missing('not trained'))],
        [`${title}, the study`, site, ...theirs(published[site])],
      ];
    }),
  );
  const readers = SITES.flatMap((site) => [
    ['Human readers, simulated', site, ...missing('not asked')],
    ['Human readers, the study', site, ...theirs(HUMAN_READERS[site])],
  ]);
  const { regions, patients, calcified } = evaluations.internal;
  return {
    title: 'Table 2. Performance at the threshold chosen on the validation patients',
    header: ['', 'Test', 'AUC (95% CI)', 'Threshold', ...PERFORMANCE_HEADER],
    rows: [...networks, ...readers],
    notes: [
      `Lines marked "simulated" are ours: SIMULATED calcification over real anatomy, ${regions} internal regions of ${patients} ` +
        `patients (${calcified} calcified) and ${evaluations.external.regions} external ones. AUC with a 95% interval from drawing ` +
        'whole patients (bootstrap); shares with 95% Wilson intervals, which take regions for independent.',
      `Lines marked "the study" are printed in ${STUDY.citation}. ${NOT_COMPARABLE}`,
    ],
  };
}

function ours(model: ModelEvaluation): string[] {
  return [
    withInterval(model.auc, model.bootstrap),
    model.threshold.toFixed(3),
    ...performanceCells(model.atCardThreshold satisfies Performance),
  ];
}

function theirs({ auc, interval, accuracy }: Published): string[] {
  const range = interval ? ` (${interval[0].toFixed(2)}–\u2060${interval[1].toFixed(2)})` : '';
  return [auc.toFixed(2) + range, NONE, accuracy?.toFixed(4) ?? NONE, ...missing(NONE).slice(3)];
}

function missing(why: string): string[] {
  return [why, ...Array<string>(PERFORMANCE_HEADER.length + 1).fill(NONE)];
}
