export interface AppointmentOptions {
  /** Never throws. */
  work(key: string): Promise<void>;
  /** So many at once; one that comes due above that is looked at again after `laterMs`. */
  readonly atOnce?: number;
  readonly laterMs?: number;
}

/** Work on many things, each at a time of its own: at most one appointment a thing, in this process only. */
export interface Appointments {
  /** In place of the one that the thing had. */
  plan(key: string, inMs: number): void;
  /** As `plan`, but an appointment that comes sooner stays: who is put off again and again would never have one. */
  planBy(key: string, inMs: number): void;
  /** Whether the thing has one that has not come due. */
  has(key: string): boolean;
  /** Nothing comes due any more; resolves when what is under way has ended. */
  close(): Promise<void>;
}

export function openAppointments({ work, atOnce = Infinity, laterMs = 0 }: AppointmentOptions): Appointments {
  const timers = new Map<string, { readonly timer: NodeJS.Timeout; readonly atMs: number }>();
  const running = new Set<Promise<void>>();
  let closed = false;

  function plan(key: string, inMs: number): void {
    if (closed) return;
    clearTimeout(timers.get(key)?.timer);
    const timer = setTimeout(() => due(key), inMs);
    timers.set(key, { timer, atMs: performance.now() + inMs });
  }

  function planBy(key: string, inMs: number): void {
    const planned = timers.get(key);
    if (!planned || planned.atMs > performance.now() + inMs) plan(key, inMs);
  }

  function due(key: string): void {
    timers.delete(key);
    if (running.size >= atOnce) plan(key, laterMs);
    else run(key);
  }

  function run(key: string): void {
    const done = work(key).finally(() => running.delete(done));
    running.add(done);
  }

  return {
    plan,
    planBy,
    has: (key) => timers.has(key),
    async close() {
      closed = true;
      for (const { timer } of timers.values()) clearTimeout(timer);
      await Promise.all(running);
    },
  };
}
