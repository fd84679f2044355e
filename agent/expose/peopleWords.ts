import type { PersonVerdict, There } from '../../db/views/people.js';

/** As the trail names them, in words. */
export function personText(person: string): string {
  const [kind = '', ...rest] = person.split(':');
  const name = rest.join(':');
  if (kind === 'user') return name;
  if (kind === 'launch') return `${rest.slice(1).join(':') || 'somebody'}, launched by ${rest[0]}`;
  if (kind === 'document')
    return `${name.split('=')[0]!.replaceAll('^', ' ').trim() || 'no name'} (by documents)`;
  return kind === 'http' ? `somebody at ${name}, not logged in` : person;
}

const HOURS_FROM = 180;
const DAYS_FROM = 48 * 60;

export function minutesText(minutes: number): string {
  const whole = `${minutes.toFixed(Math.abs(minutes) < 10 ? 1 : 0)} min`;
  if (Math.abs(minutes) < HOURS_FROM) return whole;
  if (Math.abs(minutes) < DAYS_FROM) return `${whole} (${(minutes / 60).toFixed(1)} h)`;
  return `${whole} (${(minutes / 1440).toFixed(1)} days)`;
}

export const THERE_WORDS = {
  before: 'there before it was signed',
  after: 'there after it was signed',
  undelivered: 'stored by no destination',
  'no-time': 'the report says no time',
  backfill: 'read later, by a backfill',
  'no-report': 'no written report',
} as const satisfies Record<There, string>;

export const VERDICT_WORDS = {
  accepted: 'accepted',
  rejected: 'rejected',
  moved: 'moved',
  unclear: 'something else said',
} as const satisfies Record<PersonVerdict, string>;
