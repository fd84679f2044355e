const MINUTE_MS = 60_000;

/** When a destination was last begun to be sent something, oldest first; of this process. */
const begun = new Map<string, number[]>();

/**
 * Takes a place among those that a destination bears in a minute (`perMinute`).
 * @returns milliseconds until there may be a place again; 0 when it was taken
 */
export function takePlace(
  { name, perMinute }: { readonly name: string; readonly perMinute?: number | undefined },
  nowMs = Date.now(),
): number {
  if (perMinute === undefined) return 0;
  const recent = (begun.get(name) ?? []).filter((at) => nowMs - at < MINUTE_MS);
  begun.set(name, recent);
  if (recent.length >= perMinute) return recent[recent.length - perMinute]! + MINUTE_MS - nowMs;
  recent.push(nowMs);
  return 0;
}
