import { randomUUID } from 'node:crypto';
import type { Tx } from '../server/knex.js';
import { appendAudit } from './audit.js';

/** Something that is wrong for a time. */
export interface AlarmEpisode {
  readonly id: string;
  /** What and where; the same while it lasts. */
  readonly alarm: string;
  readonly words: string;
  readonly beganAt: Date;
  /** null while it lasts. */
  readonly endedAt: Date | null;
}

const SETTLING = 1_128_354_887;

/**
 * What is wrong now becomes episodes: what was not wrong before begins, what is no more is over; each is a notice for
 * these destinations and stands on the trail.
 * @param scope the beginning of the alarms that `now` speaks of: others are left as they are
 * @returns how many begin and how many are over
 */
export async function settleAlarms(
  trx: Tx,
  scope: string,
  now: ReadonlyMap<string, string>,
  destinations: readonly string[],
): Promise<{ readonly begun: number; readonly over: number }> {
  await trx.raw('SELECT pg_advisory_xact_lock(?)', [SETTLING]);
  const open: AlarmEpisode[] = await trx('alarmEpisode')
    .whereNull('endedAt')
    .whereRaw('starts_with(alarm, ?)', [scope])
    .select('*');
  const known = new Set(open.map(({ alarm }) => alarm));
  const begun = [...now].filter(([alarm]) => !known.has(alarm));
  const over = open.filter(({ alarm }) => !now.has(alarm));
  for (const [alarm, words] of begun) {
    const id = randomUUID();
    await trx('alarmEpisode').insert({ id, alarm, words });
    await note(trx, id, 'alarm', destinations);
  }
  for (const { id } of over) {
    await trx('alarmEpisode')
      .where({ id })
      .update({ endedAt: trx.raw('clock_timestamp()') });
    await note(trx, id, 'alarm-over', destinations);
  }
  for (const [alarm] of begun) await onTrail(trx, 'ALARM_BEGAN', alarm);
  for (const { alarm } of over) await onTrail(trx, 'ALARM_OVER', alarm);
  return { begun: begun.length, over: over.length };
}

/** What lasts and was told. */
export function listOpenAlarms(tx: Tx): Promise<string[]> {
  return tx('alarmEpisode').whereNull('endedAt').pluck('alarm');
}

export async function findAlarm(tx: Tx, id: string): Promise<AlarmEpisode | undefined> {
  return tx('alarmEpisode').where({ id }).first();
}

/** The end is told to whoever was to hear of the beginning, and to nobody else. */
async function note(
  trx: Tx,
  alarmId: string,
  kind: 'alarm' | 'alarm-over',
  destinations: readonly string[],
): Promise<void> {
  const heard: readonly string[] =
    kind === 'alarm'
      ? destinations
      : await trx('notice').where({ alarmId, kind: 'alarm' }).pluck('destination');
  const occasion = trx.raw('clock_timestamp()');
  const rows = heard
    .filter((destination) => destinations.includes(destination))
    .map((destination) => ({ id: randomUUID(), alarmId, kind, occasion, destination }));
  if (rows.length > 0) await trx('notice').insert(rows);
}

function onTrail(trx: Tx, event: 'ALARM_BEGAN' | 'ALARM_OVER', alarm: string): Promise<void> {
  return appendAudit(trx, { event, subjectType: 'alarm', subjectId: alarm });
}
