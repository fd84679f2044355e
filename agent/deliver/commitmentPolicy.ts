import type { Config } from '../../config/schema.js';
import { backoffMs } from '../../db/work/backoff.js';
import type { CommitmentResult } from '../dicom/commitment.js';
import { COMMITMENT_FAILURES, statusText } from '../dicom/statuses.js';

/** What a result says of a report, in whatever forms it went. */
export type Word =
  | { readonly is: 'committed' }
  | { readonly is: 'failed'; readonly reason: number }
  /** It is not about all of these objects. */
  | { readonly is: 'silent' };

/** Committed is a report of which every object is; one that is not kept fails it. */
export function wordOn(result: CommitmentResult, ...sopInstanceUids: readonly string[]): Word {
  const failed = result.failed.find((each) => sopInstanceUids.includes(each.sopInstanceUid));
  if (failed) return { is: 'failed', reason: failed.reason };
  const committed = new Set(result.committed.map((each) => each.sopInstanceUid));
  return sopInstanceUids.every((uid) => committed.has(uid)) ? { is: 'committed' } : { is: 'silent' };
}

/** What is done about a failure. */
export type FailurePlan =
  | { readonly plan: 'ask-again' | 'send-again'; readonly reason: string; readonly delayMs: number }
  | { readonly plan: 'park'; readonly reason: string };

export interface FailureFacts {
  /** FailureReason (0008,1197). */
  readonly reason: number;
  /** Requests since the report was stored last. */
  readonly attempts: number;
  readonly resends: number;
  /** Since the report was first to be delivered. */
  readonly ageMs: number;
}

/**
 * A destination that does not have the report gets it again, a few times; one that cannot say now is asked later;
 * one that never will, and one that has lost it too often, is for a person.
 */
export function planFor(facts: FailureFacts, policy: Config['deliver']): FailurePlan {
  const row = Object.values(COMMITMENT_FAILURES).find(({ code }) => code === facts.reason);
  const said = `${statusText(facts.reason)}${row ? ` (${row.meaning})` : ''}`;
  const { firstRetryMs: firstMs, maxRetryMs: maxMs, giveUpAfterMs, commitment } = policy;
  const remedy = row?.remedy ?? 'send-again';
  if (remedy === 'give-up') return { plan: 'park', reason: said };
  if (facts.ageMs >= giveUpAfterMs) return { plan: 'park', reason: `${said}, and no better in the time set` };
  if (remedy === 'ask-again')
    return { plan: 'ask-again', reason: said, delayMs: backoffMs(facts.attempts, { firstMs, maxMs }) };
  if (facts.resends >= commitment.maxResends)
    return { plan: 'park', reason: `${said}, after it was sent ${facts.resends + 1} times` };
  return { plan: 'send-again', reason: said, delayMs: backoffMs(facts.resends + 1, { firstMs, maxMs }) };
}

/** How long an answer is waited for: twice as long after each request that had none. */
export function answerWaitMs(
  attempts: number,
  { answerMs, maxAnswerMs }: Config['deliver']['commitment'],
): number {
  return Math.min(Math.max(answerMs, maxAnswerMs), answerMs * 2 ** Math.min(30, Math.max(0, attempts - 1)));
}
