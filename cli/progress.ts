import { SingleBar } from 'cli-progress';

/** How far a long work has come, on stderr. */
export interface Progress {
  at(done: number): void;
  end(): void;
}

/** Without a terminal: a line so often, not one per item. */
const LINE_EVERY_MS = 2_000;

const silent: Progress = { at: () => undefined, end: () => undefined };

/**
 * A bar on a terminal, a line now and then elsewhere.
 * @param total null where nobody knows yet how many there are
 * @param isForMachine no lines: whoever asked for JSON reads stderr for what went wrong
 */
export function showProgress(total: number | null, items: string, isForMachine = false): Progress {
  if (process.stderr.isTTY) return bar(total, items);
  return isForMachine ? silent : lines(total, items);
}

/** The items, one after the other, each counted when the work with it is done. */
export async function* shown<T>(
  all: readonly T[],
  items: string,
  isForMachine = false,
): AsyncGenerator<T, void, void> {
  const progress = showProgress(all.length, items, isForMachine);
  try {
    for (const [index, item] of all.entries()) {
      yield item;
      progress.at(index + 1);
    }
  } finally {
    progress.end();
  }
}

function bar(total: number | null, items: string): Progress {
  const format = total === null ? `{value} ${items} …` : `{bar} {value}/{total} ${items}, {eta} s left`;
  const progress = new SingleBar({ format, stream: process.stderr, clearOnComplete: true });
  progress.start(total ?? 0, 0);
  return { at: (done) => progress.update(done), end: () => progress.stop() };
}

function lines(total: number | null, items: string): Progress {
  let last = performance.now();
  const at = (done: number) => {
    if (performance.now() - last < LINE_EVERY_MS) return;
    last = performance.now();
    console.error(total === null ? `${done} ${items} …` : `${done} of ${total} ${items}`);
  };
  return { at, end: () => undefined };
}
