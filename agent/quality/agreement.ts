import type { JudgedDisc } from '../../db/views/quality.js';
import { type Calibration, calibrationOf } from '../../models/statistics/calibration.js';
import { type Performance, performanceOf } from '../../models/statistics/confusion.js';
import { type DelongAuc, delongAuc } from '../../models/statistics/delong.js';
import { groupBy } from '../../models/statistics/describe.js';
import { type RocPoint, rocCurve } from '../../models/statistics/roc.js';
import { BMI_GROUPS, bmiGroupOf, bmiWords } from '../domain/bmiBands.js';
import { LEVELS } from '../domain/levels.js';

/** How one model agrees with the CT on some discs. */
export interface Agreement {
  /** With a CT that says yes or no. */
  readonly discs: number;
  readonly calcifiedByCt: number;
  /** Of them, those of which the model states nothing: in no count of right and wrong, and in the AUC by their score. */
  readonly unstated: number;
  readonly performance: Performance;
  /** DeLong; discs are taken for independent, which those of one patient are not. Null where a class has under two. */
  readonly auc: DelongAuc | null;
}

export function agreementOf(discs: readonly JudgedDisc[]): Agreement {
  const stated = discs.flatMap(({ calcified, isCalcified }) =>
    calcified === null ? [] : [{ label: isCalcified, calledPositive: calcified }],
  );
  return {
    discs: discs.length,
    calcifiedByCt: discs.filter(({ isCalcified }) => isCalcified).length,
    unstated: discs.length - stated.length,
    performance: performanceOf(stated),
    auc: delongAuc(scoredOf(discs)),
  };
}

/** A model as a whole: with its curves. */
export interface ModelAgreement extends Agreement {
  /** name@version */
  readonly model: string;
  readonly role: 'active' | 'shadow';
  readonly roc: readonly RocPoint[] | null;
  readonly calibration: Calibration | null;
}

/** The deciding model first. */
export function agreementByModel(discs: readonly JudgedDisc[]): ModelAgreement[] {
  return [...groupBy(discs, ({ model, role }) => `${role} ${model}`).values()]
    .map((own) => {
      const scored = scoredOf(own);
      const hasBoth =
        own.some(({ isCalcified }) => isCalcified) && own.some(({ isCalcified }) => !isCalcified);
      return {
        ...agreementOf(own),
        model: own[0]!.model,
        role: own[0]!.role,
        roc: hasBoth ? rocCurve(scored) : null,
        calibration: hasBoth ? calibrationOf(scored) : null,
      };
    })
    .toSorted((a, b) => `${a.role} ${a.model}`.localeCompare(`${b.role} ${b.model}`));
}

const AGE_BANDS = [
  [0, 39],
  [40, 54],
  [55, 69],
  [70, 150],
] as const;

/** By what agreement is told apart: the group's name, and what the worklist is asked for it. */
export const GROUPINGS = {
  Level: (disc) => [disc.level, { level: disc.level }],
  Site: ({ site }) => [site || 'not said', site ? { site } : { unsaid: 'site' }],
  Scanner: ({ scanner }) => [scanner || 'not said', scanner ? { scanner } : { unsaid: 'scanner' }],
  'Field strength': ({ fieldStrengthT: field }) =>
    field === null
      ? ['not said', { unsaid: 'field' }]
      : [`${Number(field)} T`, { field: String(Number(field)) }],
  Age: ({ age }) => {
    const band = AGE_BANDS.find(([from, to]) => age !== null && age >= from && age <= to);
    if (!band) return ['not said', { unsaid: 'age' }];
    const [from, to] = band;
    const words = from === 0 ? `under ${to + 1}` : to === 150 ? `${from} and over` : `${from} to ${to}`;
    return [words, { ageFrom: String(from), ageTo: String(to) }];
  },
  Sex: ({ sex }) => [sex || 'not said', sex ? { sex } : { unsaid: 'sex' }],
  BMI: ({ bmi }) => [bmiWords(bmiGroupOf(bmi)), { bmi: bmiGroupOf(bmi) }],
  Month: ({ month }) =>
    month === null ? ['not said', { unsaid: 'date' }] : [month, { from: `${month}-01`, to: endOf(month) }],
} as const satisfies Record<
  string,
  (disc: JudgedDisc) => readonly [string, Readonly<Record<string, string>>]
>;

const BMI_ORDER: readonly string[] = BMI_GROUPS.map(bmiWords);

export type Grouping = keyof typeof GROUPINGS;

export interface GroupAgreement extends Agreement {
  readonly group: string;
  /** What the worklist is asked for its cases. */
  readonly asks: Readonly<Record<string, string>>;
}

/** @param discs of one model */
export function agreementBy(grouping: Grouping, discs: readonly JudgedDisc[]): GroupAgreement[] {
  const named = groupBy(discs, (disc) => GROUPINGS[grouping](disc)[0]);
  const order = (group: string) => {
    const at = (grouping === 'BMI' ? BMI_ORDER : (LEVELS as readonly string[])).indexOf(group);
    return at === -1 ? group : String(at);
  };
  return [...named.entries()]
    .toSorted(([a], [b]) => order(a).localeCompare(order(b), 'en', { numeric: true }))
    .map(([group, own]) => ({ group, asks: GROUPINGS[grouping](own[0]!)[1], ...agreementOf(own) }));
}

function scoredOf(discs: readonly JudgedDisc[]) {
  return discs.map(({ isCalcified, probability }) => ({ label: isCalcified, score: probability }));
}

/** '2026-02' -> '2026-02-28' */
function endOf(month: string): string {
  const [year, number] = month.split('-').map(Number);
  return new Date(Date.UTC(year!, number!, 0)).toISOString().slice(0, 10);
}
