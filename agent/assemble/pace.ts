/** One image, as it came. */
export interface Arrival {
  readonly associationId: string | null;
  readonly receivedAtMs: number;
}

/**
 * The longest pause between two associations that brought images of one series; 0 when one association brought them
 * all. Pauses over `longestMs` are no pace: the series was complete, and its images came again or late.
 */
export function longestPause(arrivals: readonly Arrival[], longestMs: number): number {
  const sorted = arrivals.toSorted((a, b) => a.receivedAtMs - b.receivedAtMs);
  let longest = 0;
  for (const [i, { associationId, receivedAtMs }] of sorted.entries()) {
    const before = sorted[i - 1];
    if (!before || before.associationId === associationId) continue;
    const pause = receivedAtMs - before.receivedAtMs;
    if (pause <= longestMs) longest = Math.max(longest, pause);
  }
  return longest;
}
