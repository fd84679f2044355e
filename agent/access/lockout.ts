import type { FailureKind, FailureRow } from '../../db/tables/loginFailures.js';

const MINUTE_MS = 60_000;

interface Limit {
  /** Failures that cost nothing: people mistype. */
  readonly free: number;
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
}

/**
 * How long whoever failed waits, doubling with each failure. One account at one address first: a stranger elsewhere must
 * not be able to keep its owner out by a handful of tries. An address that tries many accounts, and an account that many
 * addresses try, come later.
 */
export const LIMITS: Readonly<Record<FailureKind, Limit>> = {
  pair: { free: 4, firstWaitMs: MINUTE_MS, longestWaitMs: 60 * MINUTE_MS },
  address: { free: 19, firstWaitMs: MINUTE_MS, longestWaitMs: 60 * MINUTE_MS },
  account: { free: 49, firstWaitMs: MINUTE_MS, longestWaitMs: 15 * MINUTE_MS },
};

/** After so long without a failure nothing is remembered. */
export const FORGOTTEN_MS = 24 * 60 * MINUTE_MS;

/** What a failure is counted as, before the password is looked at: tries that come together cannot share one. */
export function counted<T extends Pick<FailureRow, 'kind' | 'failures' | 'lastAt'>>(row: T, now: Date) {
  const isForgotten = now.getTime() - row.lastAt.getTime() > FORGOTTEN_MS;
  const failures = (isForgotten ? 0 : row.failures) + 1;
  return { ...row, failures, lastAt: now, lockedUntil: new Date(now.getTime() + waitMs(row.kind, failures)) };
}

export function waitMs(kind: FailureKind, failures: number): number {
  const { free, firstWaitMs, longestWaitMs } = LIMITS[kind];
  if (failures <= free) return 0;
  return Math.min(longestWaitMs, firstWaitMs * 2 ** (failures - free - 1));
}
