import type { Config } from '../../config/schema.js';
import { backoffMs } from '../../db/work/backoff.js';
import { isStoreWarning, STATUSES } from '../dicom/statuses.js';
import { CalcidiscError } from '../domain/errors.js';
import type { StoreResult } from './scu.js';

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
 * Stored on 0000, on a B0xx warning, and on "duplicate" when an earlier attempt may have got through; parked when
 * the refusal is for good or the time is up; else tried again.
 */
export function verdictOf(result: StoreResult, attempt: Attempt, policy: Config['deliver']): DeliveryVerdict {
  const { status } = result;
  const code = status === null ? Number.NaN : Number.parseInt(status, 16);
  // An object of that UID is there: after an attempt whose answer was lost, it is the very one we sent.
  const isOurs = code === STATUSES.duplicateSopInstance.code && attempt.number > 1;
  const isWarning = isStoreWarning(code) || isOurs;
  if (status !== null && (code === STATUSES.success.code || isWarning))
    return { outcome: 'stored', status, isWarning };
  return failure(result.error ?? unexpected(status), status, attempt, policy);
}

/** The verdict on an attempt that got no answer to its C-STORE. */
export function failure(
  error: CalcidiscError,
  status: string | null,
  { number, ageMs }: Attempt,
  policy: Config['deliver'],
): DeliveryVerdict {
  const { firstRetryMs: firstMs, maxRetryMs: maxMs, giveUpAfterMs } = policy;
  if (error.permanent) return { outcome: 'failed', status, error, delayMs: null };
  if (ageMs >= giveUpAfterMs)
    return { outcome: 'failed', status, error: givenUp(error, number), delayMs: null };
  return { outcome: 'failed', status, error, delayMs: backoffMs(number, { firstMs, maxMs }) };
}

/** A status that is neither failure nor a word for "stored" (pending, cancelled) has no place in C-STORE. */
function unexpected(status: string | null): CalcidiscError {
  return new CalcidiscError('DESTINATION_REFUSED', `answered C-STORE with ${status ?? 'no status'}`);
}

function givenUp(error: CalcidiscError, attempts: number): CalcidiscError {
  const message = `given up after ${attempts} attempts: ${error.message}`;
  return new CalcidiscError(error.code, message, error.subject, { cause: error });
}
