import { hostname } from 'node:os';
import { eventsOf } from '../../config/destinations.js';
import type { Config } from '../../config/schema.js';
import { listOpenAlarms } from '../../db/tables/alarms.js';
import { listAwayStores } from '../../db/views/awayStores.js';
import { countFlagged } from '../../db/views/toldDiscs.js';
import { flagAlarm } from '../domain/flagShare.js';
import { ALL, readWatch } from '../quality/watch.js';
import type { AlarmLook } from '../tell/alarms.js';
import { CONDITIONS, type ConditionParts, lookAtConditions } from './conditions.js';

export interface AlarmsNowParts extends ConditionParts {
  readonly config: Pick<Config, 'agents' | 'report' | 'route'>;
}

const SOON_MS = 30_000;
const DAILY_MS = 3_600_000;
const TWICE = 2;

/** Who wants to hear of alarms. */
export function alarmDestinations({ route }: Pick<Config, 'route'>): string[] {
  return route.destinations.filter((each) => eventsOf(each)?.includes('alarm')).map(({ name }) => name);
}

/** What every page says on top, and the quality watch, as alarms; of conditions this agent's own. */
export function alarmLooks(parts: AlarmsNowParts, everyMs = SOON_MS): AlarmLook[] {
  const { config, database } = parts;
  const agent = config.agents.name ?? hostname();
  return [
    {
      scope: `condition|${agent}|`,
      everyMs,
      times: TWICE,
      now: async () =>
        new Map(
          (await lookAtConditions(parts))
            .filter(({ ok }) => !ok)
            .map(({ what, reason }) => [
              `condition|${agent}|${what}`,
              `${agent}: ${CONDITIONS[what]}: ${reason}`,
            ]),
        ),
    },
    {
      scope: 'away|',
      everyMs,
      times: TWICE,
      now: async () =>
        new Map(
          (await listAwayStores(database.knex)).map(({ name, series }) => [
            `away|${name}`,
            `The agent ${name} is away, and ${series} series that are waited for lie with it`,
          ]),
        ),
    },
    {
      scope: 'flags|',
      everyMs,
      times: 1,
      now: async () => {
        const flags = await countFlagged(database.knex, config.report.flaggedOver);
        const words = flags && flagAlarm(flags, config.report);
        return new Map(words ? [[`flags|${flags.model}`, `Too many flags: ${words}`]] : []);
      },
    },
    {
      scope: 'quality|',
      everyMs: Math.max(everyMs, DAILY_MS),
      times: 1,
      now: () => qualityAlarms(database),
    },
  ];
}

/** Those that nobody has acknowledged, of the last week or told already: what is older was there before anybody was to be told. */
async function qualityAlarms({ knex }: ConditionParts['database']): Promise<Map<string, string>> {
  const { alarms } = await readWatch(knex);
  const since = new Date(Date.now() - WEEK_MS).toISOString().slice(0, 10);
  const told = new Set(await listOpenAlarms(knex));
  return new Map(
    alarms
      .filter(
        ({ acknowledged, day, id }) => acknowledged === null && (day >= since || told.has(`quality|${id}`)),
      )
      .map(({ id, scope, what, day }) => [
        `quality|${id}`,
        `Quality watch, ${scope === ALL ? 'all scanners' : scope}, ${day}: ${what}`,
      ]),
  );
}

const WEEK_MS = 7 * 86_400_000;
