export interface BatcherOptions<Item, Result> {
  /** A batch has at most so many items. */
  readonly size: number;
  /** An item waits at most so long for company while another lane runs; when none does, it goes at once. */
  readonly waitMs: number;
  /** So many batches may be computed at once. */
  readonly lanes: number;
  /** Answers one result, or the error of that one item, per item and in order. A throw fails the batch as a whole. */
  run(items: readonly Item[]): Promise<readonly (Result | Error)[]>;
  /** Whether one item may be to blame for the failure of a whole batch, so that it is worth splitting. */
  mayBeOneItem(error: unknown): boolean;
}

/** Items of all callers, in one line. */
export interface Batcher<Item, Result> {
  /** Items that arrive together may leave together, whatever the waiting time. */
  add(items: readonly Item[]): Promise<Result>[];
}

export interface BatcherSight {
  readonly waiting: number;
  readonly running: number;
  /** It has waited long enough, or there was nothing to wait for: no lane ran. */
  readonly oldestIsDue: boolean;
  readonly size: number;
  readonly lanes: number;
}

/**
 * How many items leave now. A full batch leaves also while every lane is busy, one ahead, so that no lane idles between
 * two; a partial one leaves only when a lane is free, for until then company costs no time: at once when nothing runs,
 * and the lanes that are free share what waits.
 */
export function decideBatch({ waiting, running, oldestIsDue, size, lanes }: BatcherSight): number {
  if (waiting >= size && running <= lanes) return size;
  if (waiting > 0 && running < lanes && oldestIsDue)
    return Math.min(size, Math.ceil(waiting / (lanes - running)));
  return 0;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly since: number;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** Gathers items of many callers into batches; the order of arrival is the order in the batch. */
export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  const { size, lanes } = options;
  const line: Waiting<Item, Result>[] = [];
  let running = 0;
  let timer: NodeJS.Timeout | undefined;

  function pump(): void {
    clearTimeout(timer);
    const wasIdle = running === 0;
    for (;;) {
      const waited = line[0] ? performance.now() - line[0].since : 0;
      const oldestIsDue = wasIdle || waited >= options.waitMs;
      const count = decideBatch({ waiting: line.length, running, oldestIsDue, size, lanes });
      if (count === 0) break;
      void start(line.splice(0, count));
    }
    const [first] = line;
    if (first && running < lanes)
      timer = setTimeout(pump, Math.max(1, first.since + options.waitMs - performance.now()));
  }

  async function start(batch: Waiting<Item, Result>[]): Promise<void> {
    running++;
    const results = await runOrSplit(
      options,
      batch.map(({ item }) => item),
    );
    running--;
    batch.forEach(({ resolve, reject }, i) => {
      const result = results[i]!;
      if (result instanceof Error) reject(result);
      else resolve(result);
    });
    pump();
  }

  return {
    add: (items) => {
      const since = performance.now();
      const results = items.map(
        (item) => new Promise<Result>((resolve, reject) => line.push({ item, since, resolve, reject })),
      );
      // Those of one turn of the loop belong together.
      if (running === 0) setImmediate(pump);
      else pump();
      return results;
    },
  };
}

/** A batch that fails as a whole is halved until the item that poisons it stands alone. */
async function runOrSplit<Item, Result>(
  options: BatcherOptions<Item, Result>,
  items: readonly Item[],
): Promise<readonly (Result | Error)[]> {
  try {
    return await options.run(items);
  } catch (error) {
    if (items.length === 1 || !options.mayBeOneItem(error))
      return items.map(() => (error instanceof Error ? error : new Error(String(error))));
    const middle = items.length >> 1;
    const first = await runOrSplit(options, items.slice(0, middle));
    return [...first, ...(await runOrSplit(options, items.slice(middle)))];
  }
}
