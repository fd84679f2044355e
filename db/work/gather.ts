export interface Gathering<Item, Result> {
  /** One run takes at most so many. */
  readonly limit: number;
  /** The first waits so long for company while a run is under way, and no longer than that run; else it goes at once. */
  readonly waitMs: number;
  /** One result, or the error of that one item, per item and in order. A throw fails the run as a whole. */
  run(items: readonly Item[]): Promise<readonly (Result | Error)[]>;
}

interface Call<Item, Result> {
  readonly item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Lets calls that come together share one run: one statement, one transaction, for all of them. A run that fails as a
 * whole is done again for each call alone, so that one bad call costs the others nothing but time.
 */
export function gather<Item, Result>({ limit, waitMs, run }: Gathering<Item, Result>) {
  let calls: Call<Item, Result>[] = [];
  let timer: NodeJS.Timeout | undefined;
  let running = 0;

  async function leave(): Promise<void> {
    clearTimeout(timer);
    const leaving = calls;
    calls = [];
    if (leaving.length === 0) return;
    running++;
    await serve(leaving);
    running--;
    if (running === 0) await leave();
  }

  async function serve(served: readonly Call<Item, Result>[]): Promise<void> {
    try {
      const results = await run(served.map(({ item }) => item));
      served.forEach(({ resolve, reject }, i) => {
        const result = results[i]!;
        if (result instanceof Error) reject(result);
        else resolve(result);
      });
    } catch (error) {
      const [only] = served;
      if (served.length === 1) only!.reject(error);
      else await Promise.all(served.map((call) => serve([call])));
    }
  }

  return (item: Item): Promise<Result> =>
    new Promise((resolve, reject) => {
      calls.push({ item, resolve, reject });
      if (calls.length === limit) void leave();
      else if (calls.length > 1) return;
      // Not in this very moment: calls of one turn of the loop belong together.
      else if (running === 0) setImmediate(() => void leave());
      else timer = setTimeout(() => void leave(), waitMs);
    });
}
