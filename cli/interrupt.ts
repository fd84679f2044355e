import { EXIT } from './exitCodes.js';

/** So long what is open may take to close, once somebody wants the process to end. */
const CLOSING_LIMIT_MS = 10_000;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

const cleanups = new Set<() => Promise<unknown>>();
let isWatching = false;

/** What has to be closed should the command end in the middle (Ctrl-C, an answer that cannot be written). @returns takes it off the list again */
export function onInterrupt(cleanup: () => Promise<unknown>): () => void {
  cleanups.add(cleanup);
  return () => cleanups.delete(cleanup);
}

/**
 * Ctrl-C and SIGTERM: closes what is open (an embedded server that would go on alone), says a word, ends with 130. A
 * second one ends at once.
 */
export function watchInterrupts(): void {
  isWatching = true;
  for (const signal of SIGNALS) process.on(signal, interrupted);
}

/** For a service, which ends in order and with 0: from here on the signals are its own. */
export function leaveSignalsAlone(): void {
  isWatching = false;
  for (const signal of SIGNALS) process.off(signal, interrupted);
}

function interrupted(): void {
  if (!isWatching) return;
  for (const signal of SIGNALS) process.once(signal, () => process.exit(EXIT.interrupted));
  console.error('calcidisc: interrupted');
  endWith(EXIT.interrupted);
}

/** Ends the process from the middle of a command: what is open is closed first, whatever the command does meanwhile. */
export function endWith(code: number): void {
  process.once('exit', () => {
    process.exitCode = code;
  });
  setTimeout(() => process.exit(code), CLOSING_LIMIT_MS);
  void Promise.allSettled([...cleanups].map((cleanup) => cleanup())).then(() => process.exit(code));
}
