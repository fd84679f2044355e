import type { Config } from '../../config/schema.js';
import { backoffMs } from '../../db/work/backoff.js';
import { CalcidiscError } from '../domain/errors.js';
import type { Outcome } from './channel.js';

/** What an attempt means for a delivery. */
export type DeliveryVerdict =
  | { readonly outcome: 'stored'; readonly status: string; readonly isWarning: boolean }
  | {
      readonly outcome: 'failed';
      readonly status: string | null;
      readonly error: CalcidiscError;
      /** Until the next attempt; null parks the delivery for a person. */
      readonly delayMs: number | null;
    };

export interface Attempt {
  /** 1 for the first. */
  readonly number: number;
  /** Since the delivery was asked for. */
  readonly ageMs: number;
}

/**
 * Stored when the destination says so, and on "there already" when an earlier attempt may have got through: then it is
 * the very one we sent. Parked when the refusal is for good or the time is up; else tried again.
 */
export function verdictOf(outcome: Outcome, attempt: Attempt, policy: Config['deliver']): DeliveryVerdict {
  switch (outcome.kind) {
    case 'stored':
      return { outcome: 'stored', status: outcome.answer, isWarning: outcome.isWarning };
    case 'there-already':
      return attempt.number > 1
        ? { outcome: 'stored', status: outcome.answer, isWarning: true }
        : failure(outcome.error, outcome.answer, attempt, policy);
    case 'failed':
      return failure(outcome.error, outcome.answer, attempt, policy);
    case 'interrupted':
      // No fault of the destination: due at once for whoever comes next, and never the last attempt.
      return { outcome: 'failed', status: null, error: outcome.error, delayMs: 0 };
  }
}

function failure(
  error: CalcidiscError,
  status: string | null,
  { number, ageMs }: Attempt,
  { firstRetryMs: firstMs, maxRetryMs: maxMs, giveUpAfterMs }: Config['deliver'],
): DeliveryVerdict {
  if (error.permanent) return { outcome: 'failed', status, error, delayMs: null };
  if (ageMs >= giveUpAfterMs)
    return { outcome: 'failed', status, error: givenUp(error, number), delayMs: null };
  return { outcome: 'failed', status, error, delayMs: backoffMs(number, { firstMs, maxMs }) };
}

function givenUp(error: CalcidiscError, attempts: number): CalcidiscError {
  const message = `given up after ${attempts} attempts: ${error.message}`;
  return new CalcidiscError(error.code, message, error.subject, { cause: error });
}
