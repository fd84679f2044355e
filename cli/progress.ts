import { SingleBar } from 'cli-progress';

/** How far a long work has come, on stderr. */
export interface Progress {
  at(done: number): void;
  end(): void;
}

/** Without a terminal: a line so often, not one per item. */
const LINE_EVERY_MS = 2_000;

const silent: Progress = { at: () => undefined, end: () => undefined };

/** A bar on a terminal, a line now and then elsewhere, nothing where it would disturb. */
export function showProgress(total: number, items: string, isSilent = false): Progress {
  if (isSilent) return silent;
  return process.stderr.isTTY ? bar(total, items) : lines(total, items);
}

function bar(total: number, items: string): Progress {
  const progress = new SingleBar({
    format: `{bar} {value}/{total} ${items}, {eta} s left`,
    stream: process.stderr,
  });
  progress.start(total, 0);
  return { at: (done) => progress.update(done), end: () => progress.stop() };
}

function lines(total: number, items: string): Progress {
  let last = performance.now();
  const at = (done: number) => {
    if (performance.now() - last < LINE_EVERY_MS) return;
    last = performance.now();
    console.error(`${done} of ${total} ${items}`);
  };
  return { at, end: () => undefined };
}
