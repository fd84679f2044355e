/**
 * A receiver as a process of its own, whose disk can be made to hang: `fork(blockableReceiver.js, [spoolDir, fifo])`.
 * Told `block`, it opens a named pipe that nobody writes on every thread of libuv's pool: from then on no sync ends
 * and nothing is inflated, as with storage that does not answer, until somebody opens the pipe's other end.
 */
import { open } from 'node:fs';
import pino from 'pino';
import { startReceiver } from '../../agent/receive/receiver.js';
import { openSpool } from '../../agent/receive/spool.js';
import { parseConfig } from '../../config/load.js';

const [spoolDir, fifo] = process.argv.slice(2) as [string, string];
/** libuv's own default, said aloud by the test's environment. */
const POOL_THREADS = Number(process.env.UV_THREADPOOL_SIZE);
const log = pino({ level: 'silent' });
const nothing = () => undefined;
const spool = await openSpool({ dir: spoolDir, log });
const { dicom } = parseConfig({ dicom: { minFreeDiskMiB: 0 } });
const receiver = await startReceiver({
  dicom: { ...dicom, port: 0 },
  spool,
  log,
  events: { associationOpened: nothing, associationEnded: nothing, stored: nothing, refused: nothing },
});
process.on('message', (message) => {
  if (message === 'block') for (let i = 0; i < POOL_THREADS; i++) open(fifo, 'r', nothing);
  const { maxRSS } = process.resourceUsage();
  process.send!({ mostMiB: maxRSS / 1024 });
});
process.send!({ port: receiver.port });
