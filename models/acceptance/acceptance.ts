import { LEVELS } from '../../agent/domain/levels.js';
import { version } from '../../config/version.js';
import type { Tx } from '../../db/server/knex.js';
import { BACKFILL_REASONS, countBackfillStudies } from '../../db/tables/backfillStudies.js';
import type { BackfillRow } from '../../db/tables/backfills.js';
import {
  type AcceptanceCase,
  type AcceptanceScope,
  listAcceptanceCases,
  listAcceptanceDiscs,
} from '../../db/views/acceptance.js';
import {
  type Auc,
  aucOf,
  countsOf,
  type Durations,
  durationsOf,
  figuresBy,
  figuresOf,
  type GroupFigures,
  isAgreement,
  isCompared,
  type JudgedDisc,
} from './figures.js';
import { type Traits, traitsOf } from './person.js';

type Count = readonly [what: string, count: number];

/** What a site reads before it goes live. Ids of cases, and nothing else that names a person. */
export interface Acceptance {
  readonly made: string;
  readonly software: string;
  readonly scope: {
    readonly source: string | null;
    /** name@version; null: whichever decided. */
    readonly model: string | null;
    readonly from: string | null;
    readonly to: string | null;
  };
  /** What of a backfill's studies was read and what was not; null for a range of days. */
  readonly studies: readonly Count[] | null;
  readonly cases: {
    readonly all: number;
    readonly reported: number;
    readonly states: readonly Count[];
    /** Why cases have no report, by kind. */
    readonly refusals: readonly Count[];
    readonly levels: readonly Count[];
    readonly doubts: readonly Count[];
    readonly pairings: readonly Count[];
    /** Cases of which CT and model can be compared on a disc. */
    readonly compared: number;
  };
  readonly models: readonly {
    readonly model: string;
    readonly discs: number;
    readonly thresholds: readonly number[];
  }[];
  readonly all: GroupFigures;
  readonly auc: Auc | null;
  /** Why nothing is stated of a disc. */
  readonly unstated: readonly Count[];
  readonly by: Readonly<Record<keyof Traits | 'level', readonly GroupFigures[]>>;
  readonly turnaround: {
    readonly fromFirstImage: Durations | null;
    readonly fromLastImage: Durations | null;
  };
  readonly agreements: readonly JudgedDisc[];
  readonly disagreements: readonly JudgedDisc[];
}

export interface AcceptanceContext {
  readonly knex: Tx;
  readonly dataDir: string;
  /** After each case whose header was read. */
  readonly tell?: (done: number, total: number) => void;
}

/** At most so many pictures of agreement; of disagreement all. */
const AGREEMENTS_SHOWN = 10;
const AGES = ['0 to 19', '20 to 39', '40 to 59', '60 to 79', '80 and more'];
const BMIS = ['below 18.5', '18.5 to 24.9', '25 to 29.9', '30 and more'];

export async function acceptanceOf(
  context: AcceptanceContext,
  scope: AcceptanceScope,
  backfill: BackfillRow | null,
  model: string | null = null,
): Promise<Acceptance> {
  const { knex } = context;
  const cases = await listAcceptanceCases(knex, scope);
  const discs = await judgedDiscs(context, scope, cases);
  const compared = discs.filter(isCompared);
  return {
    made: new Date().toISOString(),
    software: version,
    scope: {
      source: backfill?.source ?? null,
      model,
      from: backfill?.dateFrom ?? scope.from,
      to: backfill?.dateTo ?? scope.to,
    },
    studies: backfill && (await studiesOf(knex, backfill)),
    cases: { ...casesIn(cases), compared: new Set(compared.map(({ caseId }) => caseId)).size },
    models: modelsIn(discs),
    all: figuresOf('all', discs),
    auc: aucOf(discs),
    unstated: countsOf(discs.flatMap(({ reasons }) => reasons)),
    by: {
      level: figuresBy(discs, ({ level }) => level, LEVELS),
      scanner: figuresBy(discs, ({ traits }) => traits.scanner),
      age: figuresBy(discs, ({ traits }) => traits.age, AGES),
      sex: figuresBy(discs, ({ traits }) => traits.sex, ['female', 'male', 'other']),
      bmi: figuresBy(discs, ({ traits }) => traits.bmi, BMIS),
    },
    turnaround: turnaroundOf(cases),
    agreements: shownAgreements(compared.filter(isAgreement)),
    disagreements: compared.filter((disc) => !isAgreement(disc)),
  };
}

async function judgedDiscs(
  { knex, dataDir, tell }: AcceptanceContext,
  scope: AcceptanceScope,
  cases: readonly AcceptanceCase[],
): Promise<JudgedDisc[]> {
  const traits = new Map<string, Traits>();
  for (const [index, row] of cases.entries()) {
    traits.set(row.caseId, await traitsOf(knex, dataDir, row));
    tell?.(index + 1, cases.length);
  }
  const byId = new Map(cases.map((row) => [row.caseId, row]));
  // A case that came meanwhile is not among them.
  return (await listAcceptanceDiscs(knex, scope)).flatMap((disc) => {
    const [of, own] = [byId.get(disc.caseId), traits.get(disc.caseId)];
    return of && own ? [{ ...disc, of, traits: own }] : [];
  });
}

async function studiesOf(knex: Tx, { id }: BackfillRow): Promise<Count[]> {
  const counts = await countBackfillStudies(knex, id);
  const sum = (states: readonly string[]) =>
    counts.filter(({ state }) => states.includes(state)).reduce((total, { studies }) => total + studies, 0);
  const open = sum(['due', 'fetching', 'reading']);
  return [
    ['found at the source', counts.reduce((total, { studies }) => total + studies, 0)],
    ['read', sum(['done'])],
    ...counts.flatMap(({ state, reasonCode, studies }): Count[] =>
      reasonCode
        ? [[`${state === 'failed' ? 'failed' : 'left out'}: ${BACKFILL_REASONS[reasonCode]}`, studies]]
        : [],
    ),
    ...(open > 0 ? [['not come to yet', open] as const] : []),
  ];
}

function casesIn(cases: readonly AcceptanceCase[]) {
  const refused = cases.filter(({ state }) => state === 'parked' || state === 'closed');
  return {
    all: cases.length,
    reported: cases.filter(({ reportedAt }) => reportedAt !== null).length,
    states: countsOf(cases.map(({ state }) => state)),
    refusals: countsOf(
      refused.map(({ state, lastErrorCode, closedBecause }) =>
        state === 'parked'
          ? `parked: ${lastErrorCode ?? 'no reason kept'}`
          : `closed: ${closedBecause ?? ''}`,
      ),
    ),
    levels: countsOf(cases.map(({ mrStatus }) => mrStatus ?? 'not located')),
    doubts: countsOf(cases.flatMap(({ mrReasons }) => mrReasons)),
    pairings: countsOf(cases.map(({ pairingOutcome }) => pairingOutcome ?? 'not paired yet')),
  };
}

function modelsIn(discs: readonly JudgedDisc[]): Acceptance['models'] {
  return countsOf(discs.flatMap(({ model }) => model ?? [])).map(([model, count]) => ({
    model,
    discs: count,
    thresholds: [...new Set(discs.flatMap((disc) => (disc.model === model ? (disc.threshold ?? []) : [])))],
  }));
}

/** Of the first report. One that was built before the series' last image came was early, and has no time after it. */
function turnaroundOf(cases: readonly AcceptanceCase[]): Acceptance['turnaround'] {
  const seconds = (since: (row: AcceptanceCase) => Date) =>
    cases
      .flatMap((row) => (row.reportedAt ? [(row.reportedAt.getTime() - since(row).getTime()) / 1000] : []))
      .filter((value) => value >= 0);
  return {
    fromFirstImage: durationsOf(seconds(({ firstReceivedAt }) => firstReceivedAt)),
    fromLastImage: durationsOf(seconds(({ lastReceivedAt }) => lastReceivedAt)),
  };
}

/** Flagged ones first, which are rarer, and of as many cases as there are. */
function shownAgreements(agreements: readonly JudgedDisc[]): readonly JudgedDisc[] {
  const seen = new Map<string, number>();
  const turn = (disc: JudgedDisc) => {
    const count = seen.get(disc.caseId) ?? 0;
    seen.set(disc.caseId, count + 1);
    return count;
  };
  const turned = agreements.map((disc) => ({
    disc,
    isFlagged: disc.answer === 'calcified',
    turn: turn(disc),
  }));
  const flagged = turned.filter(({ isFlagged }) => isFlagged).toSorted((a, b) => a.turn - b.turn);
  const free = turned.filter(({ isFlagged }) => !isFlagged).toSorted((a, b) => a.turn - b.turn);
  const half = AGREEMENTS_SHOWN / 2;
  return [
    ...flagged.slice(0, Math.max(half, AGREEMENTS_SHOWN - free.length)),
    ...free.slice(0, Math.max(half, AGREEMENTS_SHOWN - flagged.length)),
  ].map(({ disc }) => disc);
}
