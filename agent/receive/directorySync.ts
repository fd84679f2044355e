import { type FileHandle, open } from 'node:fs/promises';

/** Makes what was renamed into `dir` survive a power cut. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
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

  private constructor(private readonly handle: FileHandle) {}

  static async open(dir: string): Promise<DirectorySync> {
    return new DirectorySync(await open(dir, 'r'));
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
    await this.#next?.catch(() => undefined);
    await this.#running?.catch(() => undefined);
    await this.handle.close();
  }

  #startNext(): Promise<void> {
    this.#next = null;
    return this.#start();
  }

  #start(): Promise<void> {
    const sync = this.handle.sync().finally(() => {
      if (this.#running === sync) this.#running = null;
    });
    this.#running = sync;
    return sync;
  }
}
