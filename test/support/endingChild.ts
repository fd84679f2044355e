import { createServer } from 'node:net';
import { endService, startService, untilStopped } from '../../cli/service.js';
import { loadConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';

/** A service that ends badly when it is asked to: `hangs` or `fails`, after its own parts have been closed. */
const [how, limitMs] = process.argv.slice(2);
const config = loadConfig(process.env);
const service = await startService(config, createLogger(config), { agent: true, worker: false });
// What keeps a process that nobody ends: an open socket.
const open = createServer().listen(0, '127.0.0.1');
const stopped = untilStopped();
console.log('started');
await stopped;
await endService(
  {
    close: async () => {
      await service.close();
      if (how === 'hangs') return new Promise(() => undefined);
      open.close();
      throw new Error('EIO: i/o error, close');
    },
  },
  Number(limitMs),
).catch((error: Error) => {
  console.error(`calcidisc: ${error.message}`);
  process.exitCode = 1;
});
