import { statfs } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Spool } from './spool.js';
import type { Acceptance } from './storeSession.js';

export interface DiskWatch {
  state(): Acceptance;
  close(): void;
}

const CHECK_MS = 1_000;
const BYTES_PER_MIB = 1 << 20;
const FINE: Acceptance = { ok: true };

/**
 * Knows at any moment whether the spool's disk takes more: free space above the watermark, and a test file can be
 * written. Checked once a second, so that a store costs no system call and recovery needs nobody.
 */
export async function watchDisk(spool: Spool, minFreeMiB: number, log: Logger): Promise<DiskWatch> {
  let state = await check(spool, minFreeMiB);
  let isChecking = false;
  const timer = setInterval(async () => {
    if (isChecking) return;
    isChecking = true;
    const before = state.ok;
    state = await check(spool, minFreeMiB);
    isChecking = false;
    if (state.ok !== before) log.warn({ state }, state.ok ? 'the spool accepts again' : 'the spool refuses');
  }, CHECK_MS);
  timer.unref();
  return { state: () => state, close: () => clearInterval(timer) };
}

async function check(spool: Spool, minFreeMiB: number): Promise<Acceptance> {
  try {
    const { bavail, bsize } = await statfs(spool.dir);
    const freeMiB = Math.floor((bavail * bsize) / BYTES_PER_MIB);
    if (freeMiB < minFreeMiB) return refuse(`${freeMiB} MiB are free, the watermark is ${minFreeMiB}`);
    await spool.probe();
    return FINE;
  } catch (error) {
    return refuse(`the spool cannot be written: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`);
  }
}

function refuse(reason: string): Acceptance {
  return { ok: false, status: 'outOfResources', reason };
}
