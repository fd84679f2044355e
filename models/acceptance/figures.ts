import { type Answer, isStated } from '../../agent/domain/answers.js';
import type { AcceptanceCase, AcceptanceDisc } from '../../db/views/acceptance.js';
import { bootstrapInterval } from '../statistics/bootstrap.js';
import { type Performance, performanceOf, type Share, share } from '../statistics/confusion.js';
import { groupBy, type Interval, quantile } from '../statistics/describe.js';
import { areaUnder, rocCurve } from '../statistics/roc.js';
import type { Traits } from './person.js';

/** A disc of a case, and whether its CT label may stand beside it: only where both sides are sure of their levels. */
export interface JudgedDisc extends AcceptanceDisc {
  readonly of: AcceptanceCase;
  readonly traits: Traits;
}

/** Of a group of discs; shares with 95 % Wilson intervals. */
export interface GroupFigures {
  readonly group: string;
  readonly studies: number;
  readonly discs: number;
  readonly answers: Readonly<Record<Answer | 'none', number>>;
  /** Of the discs that are told, flagged or not. */
  readonly flagged: Share | null;
  /** Of all discs, those of which nothing is stated. */
  readonly unstated: Share | null;
  /** Discs that model and CT both tell. */
  readonly compared: number;
  readonly performance: Performance;
}

export interface Auc {
  readonly value: number;
  /** 95 %, whole studies drawn with replacement; null where too few draws have both classes. */
  readonly interval: Interval | null;
}

/** A level is certain on both sides: the CT's word may stand beside the model's. */
export function isCompared({ of, answer, ctLabel }: JudgedDisc): boolean {
  const isCertain = of.mrStatus === 'located' && of.ctStatus === 'located';
  const isToldByCt = ctLabel === 'calcified' || ctLabel === 'not-calcified';
  return isCertain && isToldByCt && answer !== null && isStated(answer);
}

export function isAgreement({ answer, ctLabel }: JudgedDisc): boolean {
  return (answer === 'calcified') === (ctLabel === 'calcified');
}

export function figuresOf(group: string, discs: readonly JudgedDisc[]): GroupFigures {
  const count = (wanted: Answer | null) => discs.filter(({ answer }) => answer === wanted).length;
  const answers = {
    calcified: count('calcified'),
    'not-calcified': count('not-calcified'),
    indeterminate: count('indeterminate'),
    'not-assessable': count('not-assessable'),
    none: count(null),
  };
  const told = answers.calcified + answers['not-calcified'];
  const compared = discs.filter(isCompared);
  const called = compared.map(({ answer, ctLabel }) => ({
    label: ctLabel === 'calcified',
    calledPositive: answer === 'calcified',
  }));
  return {
    group,
    studies: new Set(discs.map(({ caseId }) => caseId)).size,
    discs: discs.length,
    answers,
    flagged: share(answers.calcified, told),
    unstated: share(discs.length - told, discs.length),
    compared: compared.length,
    performance: performanceOf(called),
  };
}

/** Groups in their order, those without discs left out. */
export function figuresBy(
  discs: readonly JudgedDisc[],
  groupOf: (disc: JudgedDisc) => string,
  order: readonly string[] = [],
): GroupFigures[] {
  const groups = groupBy(discs, groupOf);
  const place = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  return [...groups]
    .toSorted(([a], [b]) => place(a) - place(b) || (a < b ? -1 : 1))
    .map(([name, members]) => figuresOf(name, members));
}

/**
 * Over every disc that the CT tells and that has a score, the unstated ones included; null where the CT calls all of
 * them the same.
 */
export function aucOf(discs: readonly JudgedDisc[], rounds = 2000): Auc | null {
  const scored = discs.flatMap((disc) => {
    const { of, caseId, probability, answer, ctLabel } = disc;
    const isCertain = of.mrStatus === 'located' && of.ctStatus === 'located';
    if (!isCertain || probability === null || answer === 'not-assessable') return [];
    if (ctLabel !== 'calcified' && ctLabel !== 'not-calcified') return [];
    return [{ caseId, label: ctLabel === 'calcified', score: probability }];
  });
  const area = (sample: readonly (typeof scored)[number][]) => {
    const curve = rocCurve(sample);
    return curve && areaUnder(curve);
  };
  const value = area(scored);
  if (value === null) return null;
  return { value, interval: bootstrapInterval(scored, ({ caseId }) => caseId, area, { rounds }) };
}

/** Seconds; null where there is nothing to describe. */
export interface Durations {
  readonly cases: number;
  readonly median: number;
  readonly ninth: number;
  readonly longest: number;
}

export function durationsOf(seconds: readonly number[]): Durations | null {
  if (seconds.length === 0) return null;
  const sorted = seconds.toSorted((a, b) => a - b);
  return {
    cases: sorted.length,
    median: quantile(sorted, 0.5),
    ninth: quantile(sorted, 0.9),
    longest: sorted.at(-1)!,
  };
}

/** How often each word comes, the most frequent first. */
export function countsOf(words: Iterable<string>): [word: string, count: number][] {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}
