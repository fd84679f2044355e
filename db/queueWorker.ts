import { setTimeout as sleep } from 'node:timers/promises';
import type { JobWorker } from './queueBackend.js';

const AGAIN_MS = 1_000;

/**
 * Runs a worker once its backend answers. BullMQ 6.7 remembers a first connection that failed and then asks for jobs
 * in a circle without ever giving way, which would freeze the process: such a worker is thrown away unstarted.
 */
export function startWorker(
  make: () => JobWorker,
  failed: (error: Error) => void,
): { close(): Promise<void> } {
  let worker: JobWorker;
  let isClosed = false;

  async function start(): Promise<void> {
    while (!isClosed) {
      worker = make();
      worker.on('error', (error) => failed(error as Error));
      try {
        await worker.waitUntilReady();
        if (!isClosed) await worker.run();
        return;
      } catch (error) {
        if (isClosed) return;
        failed(error as Error);
        await worker.close().catch(() => undefined);
        await sleep(AGAIN_MS, undefined, { ref: false });
      }
    }
  }

  void start();
  return {
    close() {
      isClosed = true;
      return worker.close();
    },
  };
}
