import type { Figure, Rule } from './figures.js';

/** A figure on one day of one scope: mean and standard deviation over its studies. */
export interface DailyFigure {
  /** 'YYYY-MM-DD' */
  readonly day: string;
  readonly studies: number;
  readonly mean: number;
  readonly standardDeviation: number;
}

/** A day as the chart draws it, in units of the figure. */
export interface ChartDay extends DailyFigure {
  readonly low: number;
  readonly high: number;
  /** How many standard errors from the base. */
  readonly z: number;
  readonly average: number;
}

export interface Base {
  readonly from: string;
  readonly to: string;
  readonly studies: number;
  readonly mean: number;
}

export interface Alarm {
  /** scope|figure|rule|day: what an acknowledgement names. */
  readonly id: string;
  /** A scanner, or 'all'. */
  readonly scope: string;
  readonly figure: Figure | 'scanner';
  readonly rule: Rule;
  /** The day that gave the alarm, and the first that stood out. */
  readonly day: string;
  readonly since: string;
  /** In words: from what to what. */
  readonly what: string;
}

export interface Chart {
  readonly scope: string;
  readonly figure: Figure;
  readonly base: Base;
  /** After the base. */
  readonly days: readonly ChartDay[];
  readonly alarms: readonly Alarm[];
}

/** Two months. */
export const BASE_DAYS = 60;
/** Fewer studies make no base. */
const LEAST_STUDIES = 30;
const LEAST_DAYS = 20;
const Z95 = 1.959964;
const RUN = 7;

/**
 * Exponentially weighted moving average (Roberts, Technometrics 1 (1959) 239-250): a small lasting shift that no single day
 * shows. The limit is wide, because some 60 charts are looked at every day of the year.
 */
const WEIGHT = 0.1;
const LIMIT = 4.5;
/** One day counts for no more than so many standard errors: one odd study on a Sunday is no drift. */
const MOST_Z = 4;

/**
 * One control chart: the first two months are the base, each later day is held against it.
 * @param figures by day, ascending; days without studies are absent, and do not count as days
 * @returns null where the base is too small to say anything
 */
export function chartOf(scope: string, figure: Figure, figures: readonly DailyFigure[]): Chart | null {
  const first = figures[0];
  if (!first) return null;
  const end = addDays(first.day, BASE_DAYS);
  const inBase = figures.filter(({ day }) => day < end);
  const pooled = poolOf(inBase);
  if (inBase.length < LEAST_DAYS || pooled.studies < LEAST_STUDIES) return null;
  // All alike in the base: whatever differs later differs.
  const spread = Math.max(pooled.standardDeviation, 1e-6 * Math.abs(pooled.mean), 1e-9);
  const errorOf = ({ studies }: DailyFigure) => spread * Math.sqrt(1 / studies + 1 / pooled.studies);
  const zInBase = inBase.map((each) => (each.mean - pooled.mean) / errorOf(each));
  // Days differ by more than chance (lists of one clinic, of one scanner): the base says by how much.
  const excess = Math.max(1, Math.sqrt(zInBase.reduce((sum, z) => sum + z * z, 0) / zInBase.length));
  let average = 0;
  const days = figures.slice(inBase.length).map((each) => {
    const error = excess * errorOf(each);
    const z = (each.mean - pooled.mean) / error;
    average += WEIGHT * (Math.max(-MOST_Z, Math.min(MOST_Z, z)) - average);
    return { ...each, z, average, low: pooled.mean - Z95 * error, high: pooled.mean + Z95 * error };
  });
  const base = { from: first.day, to: addDays(end, -1), studies: pooled.studies, mean: pooled.mean };
  // The base is an estimate, and all later days share its error (Jones, Champ and Rigdon, Technometrics 43 (2001) 156-167).
  const perDay = poolOf(days).studies / days.length;
  const limit = LIMIT * Math.sqrt(WEIGHT / (2 - WEIGHT) + perDay / pooled.studies / excess ** 2);
  const found = days.length === 0 ? [] : [...runsOutside(days), ...averagesOutside(days, limit)];
  const alarms = found.map(({ rule, day, since, mean }) => ({
    id: [scope, figure, rule, day].join('|'),
    scope,
    figure,
    rule,
    day,
    since,
    what: `${mean.toPrecision(3)} instead of ${pooled.mean.toPrecision(3)}`,
  }));
  return { scope, figure, base, days, alarms: alarms.toSorted((a, b) => (a.day < b.day ? -1 : 1)) };
}

interface Found {
  readonly rule: Rule;
  readonly day: string;
  readonly since: string;
  /** Over the days that stood out. */
  readonly mean: number;
}

/** Seven days running on one side; over after seven days running inside. */
function runsOutside(days: readonly ChartDay[]): Found[] {
  const found: Found[] = [];
  let [out, within, isOn] = [0, 0, false];
  for (const [i, { z, day }] of days.entries()) {
    const side = z > Z95 ? 1 : z < -Z95 ? -1 : 0;
    within = side === 0 ? within + 1 : 0;
    out = side === 0 ? 0 : Math.sign(out) === side ? out + side : side;
    if (within >= RUN) isOn = false;
    if (isOn || Math.abs(out) < RUN) continue;
    isOn = true;
    const run = days.slice(i - RUN + 1, i + 1);
    found.push({ rule: 'seven-days', day, since: run[0]!.day, mean: poolOf(run).mean });
  }
  return found;
}

/** Over when the average has come half-way back. */
function averagesOutside(days: readonly ChartDay[], limit: number): Found[] {
  const found: Found[] = [];
  let [isOn, sideSince] = [false, 0];
  for (const [i, { average, day }] of days.entries()) {
    if (i > 0 && Math.sign(average) !== Math.sign(days[i - 1]!.average)) sideSince = i;
    if (Math.abs(average) < limit / 2) isOn = false;
    if (isOn || Math.abs(average) <= limit) continue;
    isOn = true;
    const stood = days.slice(sideSince, i + 1);
    found.push({ rule: 'average', day, since: stood[0]!.day, mean: poolOf(stood).mean });
  }
  return found;
}

/** Several groups of studies as one: standard deviation within and between them. */
export function poolOf(groups: readonly DailyFigure[]): Omit<DailyFigure, 'day'> {
  const studies = groups.reduce((sum, each) => sum + each.studies, 0);
  const mean = groups.reduce((sum, each) => sum + each.studies * each.mean, 0) / studies;
  const squares = groups.reduce(
    (sum, each) =>
      sum + (each.studies - 1) * each.standardDeviation ** 2 + each.studies * (each.mean - mean) ** 2,
    0,
  );
  return { studies, mean, standardDeviation: studies > 1 ? Math.sqrt(squares / (studies - 1)) : 0 };
}

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}
