import type { Logger } from '../../config/log.js';
import type { Database } from '../server/database.js';
import type { Queues } from './queue.js';
import { dueCases } from './steps.js';

export interface Sweep {
  /** One round now. @returns how many cases were due */
  once(): Promise<number>;
  stop(): Promise<void>;
}

/** Per round; the longest waiting come first, so a longer line is only served over several rounds. */
const BATCH = 500;

/**
 * The queue only wakes people up: this wakes every case that is due and that nobody is at, at once and then every
 * `everyMs`. A job that is queued already is not queued again (its id). Every agent and worker runs it.
 */
export function startSweep(
  queues: Queues,
  { knex }: Pick<Database, 'knex'>,
  everyMs: number,
  log: Logger,
): Sweep {
  let round: Promise<unknown> = Promise.resolve();
  let isBusy = false;

  async function once(): Promise<number> {
    const due = await dueCases(knex, BATCH);
    await Promise.all(due.map((step) => queues.wake(step)));
    return due.length;
  }

  function tick(): void {
    if (isBusy) return;
    isBusy = true;
    round = once()
      .catch((error) => log.warn({ err: error }, 'the sweep could not read the cases that are due'))
      .finally(() => {
        isBusy = false;
      });
  }

  tick();
  const timer = setInterval(tick, everyMs);
  return {
    once,
    async stop() {
      clearInterval(timer);
      await round;
    },
  };
}
