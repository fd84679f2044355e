import type { Config } from '../../config/schema.js';
import { backoffMs } from '../../db/work/backoff.js';
import { CalcidiscError } from '../domain/errors.js';
import { formWords } from '../report/forms.js';
import type { Outcome } from './channel.js';

/** What an attempt means for a delivery. */
export type DeliveryVerdict =
  | {
      readonly outcome: 'stored';
      readonly status: string;
      readonly isWarning: boolean;
      /** Forms beside the report that were refused for good: it does without them. Absent: none. */
      readonly without?: CalcidiscError;
    }
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

/**
 * The verdict on a delivery by those on its forms: stored when every form is; tried again while one may still get
 * there; a person's when all that is left was refused for good. Where the report itself (SR) is, a form beside it that was
 * refused for good keeps nobody: the destination does without, and that is said.
 * @param hasReport whether the destination has the SR of an attempt before
 */
export function together(
  verdicts: readonly { readonly form: string; readonly verdict: DeliveryVerdict }[],
  hasReport = false,
): DeliveryVerdict {
  const isReportThere =
    hasReport || verdicts.some(({ form, verdict }) => form === 'sr' && verdict.outcome === 'stored');
  const whole = wholeOf(verdicts);
  if (!isReportThere || whole.outcome === 'stored' || whole.delayMs !== null) return whole;
  return {
    outcome: 'stored',
    status: whole.status ?? '0000',
    isWarning: true,
    without: whole.error,
  };
}

function wholeOf(
  verdicts: readonly { readonly form: string; readonly verdict: DeliveryVerdict }[],
): DeliveryVerdict {
  const failed = verdicts.flatMap(({ form, verdict }) =>
    verdict.outcome === 'failed' ? [{ form, ...verdict }] : [],
  );
  if (failed.length === 0) {
    const [first, ...rest] = verdicts.flatMap(({ verdict }) =>
      verdict.outcome === 'stored' ? [verdict] : [],
    );
    const isWarning = [first!, ...rest].some((each) => each.isWarning);
    return { outcome: 'stored', status: first!.status, isWarning };
  }
  const again = failed.flatMap(({ delayMs }) => (delayMs === null ? [] : [delayMs]));
  const [first] = again.length > 0 ? failed.filter(({ delayMs }) => delayMs !== null) : failed;
  const { status, error } = first!;
  const delayMs = again.length > 0 ? Math.min(...again) : null;
  // An association that fails says the same of all of them.
  const said = new Map(failed.map(({ form, error: each }) => [each.message, form]));
  if (verdicts.length === 1 || said.size === 1)
    return { outcome: 'failed', status, error: ofSome(error, failed, verdicts), delayMs };
  const message = [...said].map(([words, form]) => `${formWords(form)}: ${words}`).join('; ');
  const both = new CalcidiscError(error.code, message, error.subject, { cause: error });
  return { outcome: 'failed', status, error: both, delayMs };
}

/** Says which form it is about, where the others got there. */
function ofSome(
  error: CalcidiscError,
  failed: readonly { readonly form: string }[],
  all: readonly unknown[],
): CalcidiscError {
  if (failed.length === all.length) return error;
  const forms = failed.map(({ form }) => formWords(form)).join(', ');
  return new CalcidiscError(error.code, `${forms}: ${error.message}`, error.subject, { cause: error });
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
