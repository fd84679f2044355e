import { EXIT } from './exitCodes.js';
import { endWith } from './interrupt.js';

/** As a shell says that a program was ended by SIGPIPE: `calcidisc list | head` is no failure to talk about. */
const BROKEN_PIPE = 141;

/** An answer that cannot be written (a full disk) is a failure, also where Node would say nothing. */
export function guardStreams(): void {
  let isEnding = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isEnding) return;
    isEnding = true;
    if (error.code === 'EPIPE') return endWith(BROKEN_PIPE);
    console.error(`calcidisc: the answer cannot be written: ${error.message}`);
    endWith(EXIT.failed);
  });
  // Nobody is left to be told.
  process.stderr.on('error', () => undefined);
}
