import { setTimeout as sleep } from 'node:timers/promises';

const AGAIN_MS = 1_000;

/** As much of BullMQ's Queue or Worker as this needs. */
export interface Connecting {
  on(event: 'error', listener: (error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

export interface Kept<Client> {
  /** The one in use; while the backend is away, one whose every call fails. */
  current(): Client;
  close(): Promise<void>;
}

/**
 * Keeps a client of the queue's backend until its first connection stands, and makes another when that fails. BullMQ
 * 6.7 remembers such a failure, however soon the backend is back: a queue then refuses every job for ever, and a worker
 * asks for jobs in a circle without giving way, which would freeze the process. Once connected it reconnects by itself.
 * @param ready what to do with it when it is connected; a throw makes another one too
 */
export function untilReady<Client extends Connecting>(
  make: () => Client,
  failed: (error: Error) => void,
  ready: (client: Client) => unknown = () => undefined,
): Kept<Client> {
  let client = make();
  let isClosed = false;

  async function keep(): Promise<void> {
    while (!isClosed) {
      client.on('error', failed);
      try {
        await client.waitUntilReady();
        if (!isClosed) await ready(client);
        return;
      } catch (error) {
        if (isClosed) return;
        failed(error as Error);
        await client.close().catch(() => undefined);
        await sleep(AGAIN_MS, undefined, { ref: false });
        if (!isClosed) client = make();
      }
    }
  }

  void keep();
  return {
    current: () => client,
    close() {
      isClosed = true;
      return client.close();
    },
  };
}
