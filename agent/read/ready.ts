import type { Config } from '../../config/schema.js';

/** What is known of a study whose series are all complete and read. Times are milliseconds since the epoch. */
export interface StudyEvidence {
  /** When the last image came that bears on the answer. */
  readonly lastReceivedMs: number;
  /** The report in hand could be bettered only by another picture of the same kind (choose.ts). */
  readonly isBeyondDoubt: boolean;
  /** The study has a report already: another one is not to be followed by a third. */
  readonly isAmendment: boolean;
}

export type ReadyPolicy = Pick<Config['assemble'], 'studyQuietMs' | 'studyEarlyMs'>;

export type ReadyReason = 'beyond-doubt' | 'quiet';

/**
 * When a study is ready to be answered where no source knows that all of it is here (agent/query/studyCounts.ts). A first report that nothing but a repeat could better
 * goes out early; everything else waits until the study has been quiet.
 */
export function readyAt(
  { lastReceivedMs, isBeyondDoubt, isAmendment }: StudyEvidence,
  { studyQuietMs, studyEarlyMs }: ReadyPolicy,
): { readonly atMs: number; readonly reason: ReadyReason } {
  if (isBeyondDoubt && !isAmendment)
    return { atMs: lastReceivedMs + Math.min(studyEarlyMs, studyQuietMs), reason: 'beyond-doubt' };
  return { atMs: lastReceivedMs + studyQuietMs, reason: 'quiet' };
}
