import { close, fsync, open } from 'node:fs';
import { open as openHandle } from 'node:fs/promises';
import { promisify } from 'node:util';

// Not a FileHandle's: its promises cost three times as much, and this runs for every object.
const [openFd, syncFd, closeFd] = [promisify(open), promisify(fsync), promisify(close)];

/** Makes what was renamed into `dir` survive a power cut. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await openHandle(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Group commit for one directory: whoever asks while a sync runs shares the next one, so that any number of
 * concurrent stores costs at most two syncs in a row each, and one alone costs one.
 */
export class DirectorySync {
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  #isClosed = false;

  private constructor(private readonly fd: number) {}

  static async open(dir: string): Promise<DirectorySync> {
    return new DirectorySync(await openFd(dir, 'r'));
  }

  /** Resolves when a sync that began after this call has ended; rejects when that sync failed. */
  sync(): Promise<void> {
    if (this.#running === null) return this.#start();
    this.#next ??= this.#running.then(
      () => this.#startNext(),
      () => this.#startNext(),
    );
    return this.#next;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#next?.catch(() => undefined);
    await this.#running?.catch(() => undefined);
    await closeFd(this.fd);
  }

  #startNext(): Promise<void> {
    this.#next = null;
    return this.#start();
  }

  #start(): Promise<void> {
    const sync = syncFd(this.fd).finally(() => {
      if (this.#running === sync) this.#running = null;
    });
    this.#running = sync;
    return sync;
  }
}
