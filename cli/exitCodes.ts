import type { ErrorCode } from '../agent/domain/errors.js';

/** How a command ends (docs/cli.md), the same for all of them. */
export const EXIT = {
  ok: 0,
  /** It could not be done; of a command that compares (replay, audit verify): what it compared differs. */
  failed: 1,
  /** Wrong usage of the command line. */
  usage: 2,
  /** What was asked for is not there: a case, a model, a database. */
  notThere: 3,
  /** Of a command that compares: it could not compare, so that it has no verdict. */
  noVerdict: 4,
  interrupted: 130,
} as const;

const NOT_THERE: ReadonlySet<ErrorCode> = new Set([
  'BACKFILL_NOT_FOUND',
  'CASE_NOT_FOUND',
  'DATABASE_MISSING',
  'ACCOUNT_UNKNOWN',
]);

export function exitCodeOf(code: ErrorCode): number {
  return NOT_THERE.has(code) ? EXIT.notThere : EXIT.failed;
}
