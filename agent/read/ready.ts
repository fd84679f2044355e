import type { Config } from '../../config/schema.js';
import { HABIT_STUDIES } from '../domain/senderHabit.js';

/** What is known of a study whose series are all complete and read. Times are milliseconds since the epoch. */
export interface StudyEvidence {
  /** When the last image came that bears on the answer. */
  readonly lastReceivedMs: number;
  /** The report in hand could be bettered only by another picture of the same kind (choose.ts). */
  readonly isBeyondDoubt: boolean;
  /** The study has a report already: another one is not to be followed by a third. */
  readonly isAmendment: boolean;
  /** How its senders have sent studies so far (db/tables/senderPaces.ts). */
  readonly pace: { readonly studies: number; readonly gapMs: number };
}

/** A habit is not kept to the millisecond. */
const HABIT_MARGIN = 1.5;
const HABIT_LEAST_MS = 500;

export type ReadyPolicy = Pick<Config['assemble'], 'studyQuietMs' | 'studyEarlyMs'>;

export type ReadyReason = 'beyond-doubt' | 'quiet';

/**
 * When a study is ready to be answered where no source knows that all of it is here (agent/query/studyCounts.ts). A first report that nothing but a repeat could better
 * goes out early, and earlier still where its senders have never left longer between two series of a study; everything
 * else waits until the study has been quiet.
 */
export function readyAt(
  { lastReceivedMs, isBeyondDoubt, isAmendment, pace }: StudyEvidence,
  { studyQuietMs, studyEarlyMs }: ReadyPolicy,
): { readonly atMs: number; readonly reason: ReadyReason } {
  if (isBeyondDoubt && !isAmendment)
    return {
      atMs: lastReceivedMs + Math.min(habit(pace), studyEarlyMs, studyQuietMs),
      reason: 'beyond-doubt',
    };
  return { atMs: lastReceivedMs + studyQuietMs, reason: 'quiet' };
}

/** Milliseconds after which nothing more comes of a study, as its senders have done it so far. */
function habit({ studies, gapMs }: StudyEvidence['pace']): number {
  return studies < HABIT_STUDIES ? Infinity : Math.max(HABIT_LEAST_MS, HABIT_MARGIN * gapMs);
}
