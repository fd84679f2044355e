import type { Tx } from '../server/knex.js';

/** A sender that has changed its ways is given less time with each series that came faster. */
const FORGET = 0.7;
/** Shorter than this is no pause worth remembering: twice as long is what a known sender is given. */
const SHORTEST_MS = 25;

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

/** A study or two more of a sender's habit are remembered than of a series', which come by the dozen. */
const FORGET_STUDY = 0.9;

/** How these senders send studies. */
export interface StudyPace {
  /** How many studies of the least known of them have come; 0: nothing is known. */
  readonly studies: number;
  /** The longest they lately left between two series of one study, milliseconds. */
  readonly gapMs: number;
}

export async function findStudyPace(tx: Tx, callingAes: readonly string[]): Promise<StudyPace> {
  const rows: { studies: number; studyGapMs: number }[] = await tx('senderPace')
    .whereIn('callingAe', [...callingAes])
    .select('studies', 'studyGapMs');
  if (rows.length === 0 || rows.length < callingAes.length) return { studies: 0, gapMs: 0 };
  return {
    studies: Math.min(...rows.map(({ studies }) => studies)),
    gapMs: Math.max(...rows.map(({ studyGapMs }) => studyGapMs)),
  };
}

/** A series of this sender is complete: how long after the study's series before it; null: it is the study's first. */
export async function noteStudyPace(trx: Tx, callingAe: string, gapMs: number | null): Promise<void> {
  const isFirst = gapMs === null;
  await trx('senderPace')
    .insert({ callingAe, studyGapMs: gapMs ?? 0, studies: isFirst ? 1 : 0 })
    .onConflict('callingAe')
    .merge({
      studyGapMs: isFirst
        ? trx.raw('sender_pace.study_gap_ms * ?', [FORGET_STUDY])
        : trx.raw('greatest(sender_pace.study_gap_ms, excluded.study_gap_ms)'),
      studies: trx.raw('sender_pace.studies + ?', [isFirst ? 1 : 0]),
      updatedAt: trx.raw('clock_timestamp()'),
    });
}
