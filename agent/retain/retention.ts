import { resolve } from 'node:path';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import { type PurgeParts, purge } from './purge.js';
import { purgeAudit } from './purgeAudit.js';
import { purgeCases } from './purgeCases.js';

export interface RetentionParts extends Pick<PurgeParts, 'database' | 'dataDir' | 'store'> {
  readonly config: Pick<Config, 'retention' | 'audit'>;
  readonly log: Logger;
}

const EVERY_MS = 3_600_000;
/** A start has other work. */
const FIRST_MS = 60_000;

/** Deletes by policy, once an hour; without one nothing is ever deleted. */
export function startRetention(parts: RetentionParts): { close(): Promise<void> } {
  const stop = new AbortController();
  const policies = policiesOf(parts, stop.signal);
  if (policies.length === 0) return { close: async () => undefined };
  let running: Promise<unknown> | null = null;
  const look = () => {
    running ??= inTurn(policies, parts.log, stop.signal).finally(() => {
      running = null;
    });
  };
  const timers = [setTimeout(look, FIRST_MS), setInterval(look, EVERY_MS)];
  for (const timer of timers) timer.unref();
  return {
    async close() {
      for (const timer of timers) clearInterval(timer);
      stop.abort();
      await running;
    },
  };
}

interface Policy {
  readonly what: string;
  /** @returns what the log says of it; null: nothing went */
  run(): Promise<object | null>;
}

/** One that fails keeps no other one back. */
async function inTurn(policies: readonly Policy[], log: Logger, signal: AbortSignal): Promise<void> {
  for (const { what, run } of policies) {
    if (signal.aborted) return;
    try {
      const done = await run();
      if (done) log.info(done, `${what} were deleted by policy`);
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, `old ${what} could not be deleted: later`);
    }
  }
}

function policiesOf({ config, database, dataDir, store }: RetentionParts, signal: AbortSignal): Policy[] {
  const { imagesDays, regionsDays, reportsDays, auditDays } = config.retention;
  const policy = (
    what: string,
    days: number | undefined,
    run: (days: number) => Promise<object | null>,
  ): Policy[] => (days === undefined ? [] : [{ what, run: () => run(days) }]);
  const ofCases = (what: 'regions' | 'reports') => async (days: number) => {
    const done = await purgeCases(what, { database, days, signal });
    return done.pieces > 0 ? { ...done, days } : null;
  };
  return [
    ...policy('images', imagesDays, async (days) => {
      const done = await purge({ database, dataDir, store, days, signal });
      return done.series > 0 ? { ...done, days } : null;
    }),
    ...policy('regions', regionsDays, ofCases('regions')),
    ...policy('reports', reportsDays, ofCases('reports')),
    ...policy('rows of the trail', auditDays, async (days) => {
      const done = await purgeAudit({ database, days, signal, ...trailPlaces(config, dataDir) });
      return done && done.rows > 0 ? { ...done, days } : null;
    }),
  ];
}

/** Where rows of the trail go, and whether they have to be sent on before. */
export function trailPlaces(
  { retention, audit }: Pick<Config, 'retention' | 'audit'>,
  dataDir: string,
): { readonly folder: string; readonly isSentOn: boolean } {
  return { folder: resolve(dataDir, retention.auditFolder), isSentOn: audit.syslog !== undefined };
}
