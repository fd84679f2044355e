import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../db/server/database.js';
import { isAnyClaimHeld } from '../../db/server/presence.js';
import { type BackfillProgress, progressOf, settledOf } from '../../db/views/backfillProgress.js';
import { onInterrupt } from '../interrupt.js';
import { type Progress, showProgress } from '../progress.js';

const LOOK_EVERY_MS = 1_000;

/** A bar until the backfill has ended. Whoever stops looking stops nothing: the service works it off. */
export async function watchBackfill(
  { knex }: Pick<Database, 'knex'>,
  id: string,
  isForMachine: boolean,
): Promise<BackfillProgress> {
  const taken = onInterrupt(async () =>
    console.error(`It goes on in the service: calcidisc backfill show ${id.slice(0, 8)} says how far it is.`),
  );
  const bar = growingBar(isForMachine);
  try {
    if (!(await isAnyClaimHeld(knex)))
      console.error('No agent lives: the backfill goes on when `calcidisc up` (or `agent`) does.');
    for (;;) {
      const progress = await progressOf(knex, id);
      if (progress.backfill.state === 'done' || progress.backfill.state === 'stopped') return progress;
      bar.at(settledOf(progress), progress.found);
      await sleep(LOOK_EVERY_MS);
    }
  } finally {
    bar.end();
    taken();
  }
}

/** A bar whose whole grows while the source is still being asked. */
function growingBar(isForMachine: boolean) {
  let total = -1;
  let bar: Progress | undefined;
  return {
    at(done: number, found: number): void {
      if (found !== total) {
        bar?.end();
        bar = showProgress(found, 'studies', isForMachine);
        total = found;
      }
      bar?.at(done);
    },
    end: () => bar?.end(),
  };
}
