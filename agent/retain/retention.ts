import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import { type PurgeParts, purge } from './purge.js';

export interface RetentionParts extends Pick<PurgeParts, 'database' | 'dataDir' | 'store'> {
  readonly config: Pick<Config, 'retention'>;
  readonly log: Logger;
}

const EVERY_MS = 3_600_000;
/** A start has other work. */
const FIRST_MS = 60_000;

/** Deletes images by policy, once an hour; without one nothing is ever deleted. */
export function startRetention({ config, log, ...rest }: RetentionParts): { close(): Promise<void> } {
  const days = config.retention.imagesDays;
  if (days === undefined) return { close: async () => undefined };
  const stop = new AbortController();
  let running: Promise<unknown> | null = null;
  const look = () => {
    running ??= purge({ ...rest, days, signal: stop.signal })
      .then(({ series, images, bytes, kept }) => {
        if (series > 0) log.info({ series, images, bytes, kept, days }, 'images were deleted by policy');
      })
      .catch((error: unknown) => log.warn({ err: error }, 'old images could not be deleted: later'))
      .finally(() => {
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
