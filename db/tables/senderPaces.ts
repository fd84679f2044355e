import type { Tx } from '../server/knex.js';

/** A sender that has changed its ways is given less time with each series that came faster. */
const FORGET = 0.7;
/** Shorter than this is no pause worth remembering. */
const SHORTEST_MS = 100;

/** The longest that these senders lately left between two associations of one series, milliseconds; 0: none is known. */
export async function findPace(tx: Tx, callingAes: readonly string[]): Promise<number> {
  const row = await tx('senderPace')
    .whereIn('callingAe', [...callingAes])
    .max('gapMs as gapMs')
    .first();
  return row?.gapMs ?? 0;
}

/** A series of this sender is complete: how long it paused in it. */
export async function notePace(trx: Tx, callingAe: string, gapMs: number): Promise<void> {
  if (gapMs < SHORTEST_MS) {
    await trx('senderPace')
      .where({ callingAe })
      .update({ gapMs: trx.raw('gap_ms * ?', [FORGET]), updatedAt: trx.raw('clock_timestamp()') });
    return;
  }
  await trx('senderPace')
    .insert({ callingAe, gapMs })
    .onConflict('callingAe')
    .merge({
      gapMs: trx.raw('greatest(sender_pace.gap_ms * ?, excluded.gap_ms)', [FORGET]),
      updatedAt: trx.raw('clock_timestamp()'),
    });
}
