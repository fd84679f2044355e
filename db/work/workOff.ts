export interface DueWork<Row> {
  readonly atOnce: number;
  /** Rows that came due, or whose process died, are found so often without being told. */
  readonly tickMs: number;
  /** Takes one row that is due, none of those in hand; null when there is none. */
  claim(inHand: readonly Row[]): Promise<Row | null>;
  /** Never throws. `signal` is aborted when the process ends: the row is handed back then. */
  work(row: Row, signal: AbortSignal): Promise<void>;
  /** The rows could not be read: the next tick tries again. */
  unreadable(error: unknown): void;
}

export interface WorkingOff {
  begin(): void;
  /** Something may be due: looks at once instead of at the next tick. */
  wake(): void;
  /** Ends what is under way and waits for it. */
  close(): Promise<void>;
}

/** Works off rows that come due, a few at once. The rows are the truth: whoever lives takes what is left. */
export function workOff<Row>({ atOnce, tickMs, claim, work, unreadable }: DueWork<Row>): WorkingOff {
  const stop = new AbortController();
  const running = new Map<Row, Promise<void>>();
  let filling: Promise<void> | null = null;
  let isWanted = false;
  let timer: NodeJS.Timeout | undefined;

  function wake(): void {
    isWanted = true;
    filling ??= fill().finally(() => {
      filling = null;
    });
  }

  async function fill(): Promise<void> {
    while (isWanted && !stop.signal.aborted) {
      isWanted = false;
      try {
        await claimAll();
      } catch (error) {
        unreadable(error);
      }
    }
  }

  async function claimAll(): Promise<void> {
    while (running.size < atOnce && !stop.signal.aborted) {
      const row = await claim([...running.keys()]);
      if (!row) return;
      const done = work(row, stop.signal).finally(() => {
        running.delete(row);
        wake();
      });
      running.set(row, done);
    }
  }

  return {
    wake,
    begin() {
      timer = setInterval(wake, tickMs);
      wake();
    },
    async close() {
      clearInterval(timer);
      stop.abort();
      await filling;
      await Promise.all(running.values());
    },
  };
}
