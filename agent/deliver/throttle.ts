const MINUTE_MS = 60_000;

/** What a destination bears (config/channels.ts). */
interface Bears {
  readonly name: string;
  readonly perMinute?: number | undefined;
  readonly atOnce?: number | undefined;
}

/** When a destination was last begun to be sent something, oldest first; of this process. */
const begun = new Map<string, number[]>();

/**
 * Takes a place among those that a destination bears in a minute (`perMinute`).
 * @returns milliseconds until there may be a place again; 0 when it was taken
 */
export function takePlace({ name, perMinute }: Bears, nowMs = Date.now()): number {
  if (perMinute === undefined) return 0;
  const recent = (begun.get(name) ?? []).filter((at) => nowMs - at < MINUTE_MS);
  begun.set(name, recent);
  if (recent.length >= perMinute) return recent[recent.length - perMinute]! + MINUTE_MS - nowMs;
  recent.push(nowMs);
  return 0;
}

/** Who is being sent something now, and whether somebody waits for a seat; of this process. */
const seated = new Map<string, { taken: number; isWaitedFor: boolean }>();

/**
 * Takes a seat among those that a destination bears at the same time (`atOnce`).
 * @returns gives the seat back; null when there is none: whoever asked waits, and holds nobody else up meanwhile
 */
export function takeSeat({ name, atOnce }: Bears): (() => void) | null {
  if (atOnce === undefined) return () => undefined;
  const seats = seated.get(name) ?? { taken: 0, isWaitedFor: false };
  seated.set(name, seats);
  if (seats.taken >= atOnce) {
    seats.isWaitedFor = true;
    return null;
  }
  seats.taken++;
  let isMine = true;
  return () => {
    if (isMine) seats.taken--;
    isMine = false;
  };
}

/** Whether somebody was turned away since this was asked last: then the next one comes within a moment. */
export function wasWaitedFor(name: string): boolean {
  const seats = seated.get(name);
  const was = seats?.isWaitedFor ?? false;
  if (seats) seats.isWaitedFor = false;
  return was;
}
