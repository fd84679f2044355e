import { EXIT } from './exitCodes.js';

/** As a shell says that a program was ended by SIGPIPE: `calcidisc list | head` is no failure to talk about. */
const BROKEN_PIPE = 141;

/** An answer that cannot be written (a full disk) is a failure, also where Node would say nothing. */
export function guardStreams(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(BROKEN_PIPE);
    console.error(`calcidisc: the answer cannot be written: ${error.message}`);
    process.exit(EXIT.failed);
  });
  // Nobody is left to be told.
  process.stderr.on('error', () => undefined);
}
