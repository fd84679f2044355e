import type { Logger } from '../../config/log.js';
import type { Database } from '../../db/server/database.js';
import { listOpenAlarms, settleAlarms } from '../../db/tables/alarms.js';

/** One place to look for what is wrong. */
export interface AlarmLook {
  /** How its alarms begin; what begins so and is not found any more is over. */
  readonly scope: string;
  /** How often, milliseconds. */
  readonly everyMs: number;
  /** So often in a row it has to be found before it is told: what passes by itself is no alarm. */
  readonly times: number;
  /** The alarm, and what is wrong in words without whose images they are. @throws when that cannot be known now: nothing changes then */
  readonly now: () => Promise<ReadonlyMap<string, string>>;
}

export interface AlarmParts {
  readonly database: Pick<Database, 'knex'>;
  readonly log: Logger;
  readonly looks: readonly AlarmLook[];
  /** The destinations that want to hear of alarms. */
  readonly destinations: readonly string[];
}

/** Looks again and again for what is wrong, and has what begins and what is over told. */
export function startAlarms(parts: AlarmParts): { close(): Promise<void> } {
  const watching = parts.looks.map((look) => watch(parts, look));
  return {
    async close() {
      await Promise.all(watching.map((each) => each.close()));
    },
  };
}

function watch(
  { database: { knex }, log, destinations }: AlarmParts,
  { scope, everyMs, times, now }: AlarmLook,
): { close(): Promise<void> } {
  let seen = new Map<string, number>();
  let running = Promise.resolve();
  const look = async () => {
    const found = await now();
    seen = new Map([...found.keys()].map((alarm) => [alarm, (seen.get(alarm) ?? 0) + 1]));
    // One that lasts and is not told yet is not over either: only what is open already counts from the first look.
    const open = await listOpenAlarms(knex);
    const told = [...found].filter(([alarm]) => open.includes(alarm) || seen.get(alarm)! >= times);
    const { begun, over } = await knex.transaction((trx) =>
      settleAlarms(trx, scope, new Map(told), destinations),
    );
    if (begun + over > 0) log.warn({ scope, begun, over }, 'alarms');
  };
  const timer = setInterval(() => {
    running = running.then(look).catch((error: unknown) => {
      log.debug({ err: error, scope }, 'what is wrong could not be looked at');
    });
  }, everyMs);
  timer.unref();
  return {
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}
