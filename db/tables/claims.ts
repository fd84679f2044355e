import type { CalcidiscError } from '../../agent/domain/errors.js';
import type { Tx } from '../server/knex.js';

/** Columns of claimed work (prior_fetch, series_reading) that failed for now: due again after `delayMs`. */
export function postponed(tx: Tx, { code, message }: CalcidiscError, delayMs: number) {
  return {
    state: 'due',
    owner: null,
    lastErrorCode: code,
    lastError: message,
    nextAttemptAt: tx.raw("clock_timestamp() + ? * interval '1 millisecond'", [delayMs]),
  };
}

/** The process stops: whoever comes next takes the work up at once, and this attempt does not count. */
export function released(tx: Tx) {
  return {
    state: 'due',
    owner: null,
    attempts: tx.raw('attempts - 1'),
    nextAttemptAt: tx.raw('clock_timestamp()'),
  };
}
