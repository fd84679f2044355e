import type { Share } from '../statistics/confusion.js';
import { NONE, type Table } from '../study/tables.js';
import type { Acceptance } from './acceptance.js';
import type { Durations, GroupFigures } from './figures.js';

type Count = readonly [what: string, count: number];

export function acceptanceTables(acceptance: Acceptance): Table[] {
  const { by } = acceptance;
  return [
    coverageTable(acceptance),
    answersTable(acceptance),
    agreementTable(acceptance),
    groupTable('By disc level', by.level),
    groupTable('By scanner of the MR', by.scanner),
    groupTable('By age, years', by.age),
    groupTable('By sex', by.sex),
    groupTable('By body mass index, kg/m²', by.bmi),
    countTable('Why levels are uncertain or nothing was found', 'Reason', acceptance.cases.doubts, 'Cases'),
    countTable('Why nothing is stated of a disc', 'Reason', acceptance.unstated, 'Discs'),
    countTable('Cases without a report that stands', 'Why', acceptance.cases.refusals, 'Cases'),
    turnaroundTable(acceptance.turnaround),
  ];
}

function coverageTable({ studies, cases, all }: Acceptance): Table {
  const ofCases = (count: number) => shareOf(count, cases.all);
  const rows: string[][] = [
    ...(studies ?? []).map(([what, count], i) => [
      `Studies ${what}`,
      String(count),
      i === 0 ? NONE : shareOf(count, studies![0]![1]),
    ]),
    ['Cases (MR studies that are read)', String(cases.all), NONE],
    ...cases.states.map(([state, count]) => [`– ${state}`, String(count), ofCases(count)]),
    ['Cases with a report', String(cases.reported), ofCases(cases.reported)],
    ...cases.levels.map(([status, count]) => [`– levels ${status}`, String(count), ofCases(count)]),
    ...cases.pairings.map(([outcome, count]) => [`– CT: ${outcome}`, String(count), ofCases(count)]),
    ['Cases compared with a CT on a disc', String(cases.compared), ofCases(cases.compared)],
    ['Discs with a region', String(all.discs), NONE],
    ['Discs compared with CT', String(all.compared), shareOf(all.compared, all.discs)],
  ];
  return {
    title: 'Coverage: what was read, and what was not',
    header: ['What', 'Count', 'Share'],
    rows,
    notes: [
      'A disc is compared where the levels are certain on MR and CT, the CT calls it calcified or not, and the model states ' +
        'something. What the CT measured as indeterminate is no reference and is left out.',
    ],
  };
}

function answersTable({ all, models }: Acceptance): Table {
  const row = (what: string, count: number) => [what, String(count), shareOf(count, all.discs)];
  const { answers } = all;
  return {
    title: 'What the model says',
    header: ['Answer', 'Discs', 'Share'],
    rows: [
      row('flagged: calcified', answers.calcified),
      row('not calcified', answers['not-calcified']),
      row('indeterminate: nothing is stated', answers.indeterminate),
      row('not assessable: nothing is stated', answers['not-assessable']),
      ...(answers.none > 0 ? [row('not classified', answers.none)] : []),
    ],
    notes: models.map(
      ({ model, discs, thresholds }) =>
        `${model}: ${discs} discs, calcified from ${thresholds.map((each) => each.toFixed(3)).join(', ')}.`,
    ),
  };
}

function agreementTable({ all: { performance, compared }, auc }: Acceptance): Table {
  const { truePositive, falsePositive, falseNegative, trueNegative } = performance;
  const calcified = truePositive + falseNegative;
  const free = trueNegative + falsePositive;
  const rows = [
    ['Sensitivity', `${truePositive} of ${calcified}`, withInterval(performance.sensitivity)],
    ['Specificity', `${trueNegative} of ${free}`, withInterval(performance.specificity)],
    [
      'Positive predictive value',
      `${truePositive} of ${truePositive + falsePositive}`,
      withInterval(performance.positivePredictiveValue),
    ],
    [
      'Negative predictive value',
      `${trueNegative} of ${trueNegative + falseNegative}`,
      withInterval(performance.negativePredictiveValue),
    ],
    ['Agreement', `${truePositive + trueNegative} of ${compared}`, withInterval(performance.accuracy)],
    [
      'Area under the ROC curve',
      auc ? 'discs with a score and a CT' : 'CT calls all discs the same, or none',
      auc
        ? `${auc.value.toFixed(3)}${auc.interval ? ` (${auc.interval.low.toFixed(3)} to ${auc.interval.high.toFixed(3)})` : ' (too few for an interval)'}`
        : NONE,
    ],
  ];
  return {
    title: 'Agreement with CT',
    header: ['Measure', 'Discs', 'Value (95 % CI)'],
    rows,
    notes: [
      'CT is the reference (docs/configuration.md, reference). Shares have Wilson intervals over discs, which discs of one ' +
        'patient make a little too narrow; the interval of the area draws whole studies (bootstrap, 2,000 rounds). What nothing ' +
        'is stated of counts neither for nor against: its share stands below.',
      ...(calcified < 10 || free < 10
        ? [
            `Only ${calcified} calcified and ${free} free discs were compared: the intervals say how little that tells.`,
          ]
        : []),
    ],
  };
}

function groupTable(title: string, groups: readonly GroupFigures[]): Table {
  return {
    title,
    header: [
      '',
      'Studies',
      'Discs',
      'Flagged',
      'Nothing stated',
      'Compared',
      'Sensitivity',
      'Specificity',
      'PPV',
    ],
    rows: groups.map(({ group, studies, discs, flagged, unstated, compared, performance }) => [
      group,
      String(studies),
      String(discs),
      withInterval(flagged),
      withInterval(unstated),
      String(compared),
      withInterval(performance.sensitivity),
      withInterval(performance.specificity),
      withInterval(performance.positivePredictiveValue),
    ]),
    notes: groups.length === 0 ? ['No disc yet.'] : [],
  };
}

function countTable(title: string, what: string, counts: readonly Count[], of: string): Table {
  return {
    title,
    header: [what, of],
    rows: counts.map(([word, count]) => [word, String(count)]),
    notes: counts.length === 0 ? ['None.'] : [],
  };
}

function turnaroundTable({ fromFirstImage, fromLastImage }: Acceptance['turnaround']): Table {
  const row = (what: string, durations: Durations | null) =>
    durations
      ? [
          what,
          String(durations.cases),
          ...[durations.median, durations.ninth, durations.longest].map(duration),
        ]
      : [what, '0', NONE, NONE, NONE];
  return {
    title: 'Turnaround to the first report',
    header: ['Time', 'Cases', 'Median', '9 of 10 within', 'Longest'],
    rows: [
      row('from the first image of the series that was read', fromFirstImage),
      row('from its last image', fromLastImage),
    ],
    notes: [
      'On this machine, with what else it had to do; a backfill waits for live work, and a study is waited for until it is whole.',
    ],
  };
}

export function duration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  if (seconds < 7200) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function shareOf(part: number, whole: number): string {
  return whole === 0 ? NONE : `${((100 * part) / whole).toFixed(1)} %`;
}

function withInterval(value: Share | null): string {
  if (!value) return NONE;
  const [of, low, high] = [value.value, value.low, value.high].map((each) => (100 * each).toFixed(0));
  return `${of} % (${low} to ${high})`;
}
