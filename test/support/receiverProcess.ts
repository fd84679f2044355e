/** A receiver as a process of its own, for tests that kill it: `node receiverProcess.js <spoolDir>`. */
import pino from 'pino';
import { startReceiver } from '../../agent/receive/receiver.js';
import { openSpool } from '../../agent/receive/spool.js';
import { parseConfig } from '../../config/load.js';

const log = pino({ level: 'silent' });
const spool = await openSpool({ dir: process.argv[2]!, log });
const nothing = () => undefined;
const { dicom } = parseConfig({ dicom: { minFreeDiskMiB: 0 } });
const { port } = await startReceiver({
  dicom: { ...dicom, port: Number(process.argv[3] ?? 0) },
  spool,
  log,
  events: { associationOpened: nothing, associationEnded: nothing, stored: nothing, refused: nothing },
});
console.log(port);
