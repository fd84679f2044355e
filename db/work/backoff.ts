export interface RetryPolicy {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * Doubles with every attempt up to the maximum, then takes 50 to 100% of that, so that everything that failed
 * together does not come back together.
 * @param attempts how often it has been tried, 1 or more
 * @param random 0..1
 */
export function backoffMs(attempts: number, { firstMs, maxMs }: RetryPolicy, random = Math.random()): number {
  const ceiling = Math.min(maxMs, firstMs * 2 ** (Math.max(1, attempts) - 1));
  return Math.round(ceiling * (0.5 + random / 2));
}
