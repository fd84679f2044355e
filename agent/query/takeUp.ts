import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { appendAudit } from '../../db/tables/audit.js';
import { type AbandonedSeries, claimAbandoned } from '../../db/views/awayStores.js';
import type { WebDoor } from '../dicom/web/door.js';
import { asCalcidiscError, type CalcidiscError } from '../domain/errors.js';
import { moveEach } from './moveEach.js';
import type { QueryConfig } from './source.js';

export interface TakeUpParts {
  readonly config: QueryConfig & Pick<Config, 'agents'>;
  readonly database: Pick<Database, 'knex'>;
  readonly log: Logger;
  /** Where what comes by DICOMweb goes in. */
  readonly door?: WebDoor;
}

const EVERY_MS = 15_000;
/** A PACS that has sent nothing, or not all, is asked again after so long. */
const AGAIN_MS = 10 * 60_000;
const AT_ONCE = 5;

/**
 * What lies with an agent that is away for long is asked of the PACS again: the images come to us, and the index takes
 * them for the ones that count (agent/assemble/comesAgain.ts). Without a source somebody has to send them again.
 */
export function startTakeUp(parts: TakeUpParts): { close(): Promise<void> } {
  const { config, log } = parts;
  const stop = new AbortController();
  if (config.query.sources.length === 0) return { close: async () => undefined };
  let running: Promise<unknown> | null = null;
  const timer = setInterval(
    () => {
      running ??= takeUp(parts, stop.signal)
        .catch((error: unknown) => log.warn({ err: error }, 'series of agents that are away: later'))
        .finally(() => {
          running = null;
        });
    },
    Math.min(EVERY_MS, config.agents.awayAfterMs),
  );
  timer.unref();
  return {
    async close() {
      clearInterval(timer);
      stop.abort();
      await running;
    },
  };
}

async function takeUp(parts: TakeUpParts, signal: AbortSignal): Promise<void> {
  const { config, database, log } = parts;
  const { awayAfterMs } = config.agents;
  for (const series of await claimAbandoned(database.knex, awayAfterMs, AGAIN_MS, AT_ONCE)) {
    const { seriesInstanceUid, holder } = series;
    const { source, completed, error } = await askSources(parts, series, signal);
    await appendAudit(database.knex, {
      event: 'SERIES_ASKED_AGAIN',
      subjectType: 'series',
      subjectId: seriesInstanceUid,
      detail: { holder, source, completed, ...(error ? { errorCode: error.code } : {}) },
    });
    const about = { seriesInstanceUid, source, completed };
    if (error) log.error({ ...about, err: error }, 'a series whose agent is away could not be fetched again');
    else log.warn(about, 'a series whose agent is away was fetched again');
  }
}

/** The first source that sends it. */
async function askSources(
  { config, door }: TakeUpParts,
  series: AbandonedSeries,
  signal: AbortSignal,
): Promise<{ source: string; completed: number; error: CalcidiscError | null }> {
  let last = { source: '', completed: 0, error: null as CalcidiscError | null };
  for (const source of config.query.sources) {
    try {
      await moveEach({ config, signal, ...(door ? { door } : {}) }, source, [series], async (_, moved) => {
        last = { source: source.name, completed: moved.completed, error: moved.error };
        return null;
      });
    } catch (thrown) {
      last = { source: source.name, completed: 0, error: asCalcidiscError(thrown) };
    }
    if (last.error === null) return last;
  }
  return last;
}
