import type { Tx } from '../../db/server/knex.js';
import {
  listAcknowledgements,
  type QualityAcknowledgement,
} from '../../db/tables/qualityAcknowledgements.js';
import { type DriftRow, type FirstSeen, listDrift, listFirstSeen } from '../../db/views/quality.js';
import { groupBy } from '../../models/statistics/describe.js';
import { type Alarm, addDays, BASE_DAYS, type Chart, chartOf, type DailyFigure, poolOf } from './chart.js';
import { FIGURE_NAMES, type Figure } from './figures.js';

export interface WatchedAlarm extends Alarm {
  /** What a person said of it; null while nobody has. */
  readonly acknowledged: QualityAcknowledgement | null;
}

export interface Watch {
  readonly charts: readonly Chart[];
  /** The newest first. */
  readonly alarms: readonly WatchedAlarm[];
  /** Scanners and figures that have too few studies in their base to be watched, in words. */
  readonly unwatched: readonly string[];
}

export const ALL = 'all';

/** Every figure of every scanner, and of all together. */
export async function readWatch(knex: Tx): Promise<Watch> {
  const [drift, seen, said] = [
    await listDrift(knex),
    await listFirstSeen(knex),
    await listAcknowledgements(knex),
  ];
  return watchOf(drift, seen, said);
}

export function watchOf(
  drift: readonly DriftRow[],
  seen: readonly FirstSeen[],
  said: readonly QualityAcknowledgement[],
): Watch {
  const byAlarm = new Map(said.map((each) => [each.alarm, each]));
  const byChart = groupBy(drift, ({ scanner, figure }) => `${figure}|${scanner}`);
  const byFigure = groupBy(drift, ({ figure }) => figure);
  const charts: Chart[] = [];
  const unwatched: string[] = [];
  for (const scope of [ALL, ...new Set(drift.map(({ scanner }) => scanner).filter(Boolean))])
    for (const figure of FIGURE_NAMES) {
      const days = daysOf((scope === ALL ? byFigure.get(figure) : byChart.get(`${figure}|${scope}`)) ?? []);
      const from = newBase(said, scope, figure);
      const chart = chartOf(scope, figure, from === null ? days : days.filter(({ day }) => day > from));
      if (chart) charts.push(chart);
      else if (days.length > 0) unwatched.push(`${figure} of ${scope}`);
    }
  const alarms = [...charts.flatMap((chart) => chart.alarms), ...neverSeen(seen)]
    .map((alarm) => ({ ...alarm, acknowledged: byAlarm.get(alarm.id) ?? null }))
    .toSorted((a, b) => (a.day === b.day ? (a.id < b.id ? -1 : 1) : a.day > b.day ? -1 : 1));
  return { charts, alarms, unwatched };
}

function daysOf(rows: readonly DriftRow[]): DailyFigure[] {
  return [...groupBy(rows, ({ day }) => day).entries()].map(([day, parts]) => ({ day, ...poolOf(parts) }));
}

/** The day of the last alarm of this chart of which a person said that what is there now is right. */
function newBase(said: readonly QualityAcknowledgement[], scope: string, figure: Figure): string | null {
  const days = said
    .filter(({ alarm, isNewBase }) => isNewBase && alarm.startsWith(`${scope}|${figure}|`))
    .map(({ alarm }) => alarm.slice(alarm.lastIndexOf('|') + 1));
  return days.toSorted().at(-1) ?? null;
}

/** Scanners and protocols whose first study came after the first two months. */
function neverSeen(seen: readonly FirstSeen[]): Alarm[] {
  const first = seen[0];
  if (!first) return [];
  const end = addDays(first.day, BASE_DAYS);
  const scanners = new Map<string, string>();
  for (const { scanner, day } of seen) if (!scanners.has(scanner)) scanners.set(scanner, day);
  return seen
    .filter(({ day }) => day >= end)
    .map(({ site, scanner, protocol, day }) => {
      const isNew = scanners.get(scanner) === day;
      const what = isNew
        ? `scanner ${scanner} (${site || 'site not said'})`
        : `protocol ${protocol || 'without a name'}`;
      const name = isNew ? 'never-seen' : `never-seen ${protocol}`;
      return {
        id: [scanner, 'scanner', name, day].join('|'),
        scope: scanner,
        figure: 'scanner',
        rule: 'never-seen',
        day,
        since: day,
        what,
      };
    });
}

/** Alarms of the days before one, by number of days: how often there was one for nothing. */
export function alarmsBefore<A extends Alarm>(alarms: readonly A[], day: string, days: number): A[] {
  const from = addDays(day, -days);
  return alarms.filter((alarm) => alarm.day >= from && alarm.day < day);
}
