import { readFile } from 'node:fs/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CalcidiscError } from '../domain/errors.js';

export interface MllpServer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly caFile?: string | undefined;
  readonly timeoutMs: number;
}

/** Minimal Lower Layer Protocol (HL7 v2.5.1 appendix C): how a message begins and ends on the line. */
const BEGIN = 0x0b;
const END = Buffer.from([0x1c, 0x0d]);
/** No acknowledgement is so long. */
const MOST_ANSWER_BYTES = 1 << 20;

/**
 * Sends one message over a connection of its own and waits for an answer that `isOurs`; others are passed by.
 * @throws CalcidiscError DESTINATION_UNREACHABLE when there is no connection, or it ends without that answer
 */
export async function exchange(
  server: MllpServer,
  message: Uint8Array,
  isOurs: (answer: string) => boolean,
  signal?: AbortSignal,
): Promise<string> {
  const ca = server.caFile ? await readCa(server) : undefined;
  return new Promise((resolve, reject) => {
    const socket = open(server, ca);
    let received = Buffer.alloc(0);
    const end = (outcome: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      socket.destroy();
      outcome();
    };
    const fail = (why: string) => end(() => reject(unreachable(server, why)));
    const stop = () => fail('the process stops');
    const timer = setTimeout(() => fail(`no answer for ${server.timeoutMs} ms`), server.timeoutMs);
    if (signal?.aborted) return stop();
    signal?.addEventListener('abort', stop, { once: true });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      fail(error.message || (error.code ?? 'no connection')),
    );
    socket.on('close', () => fail('the connection ended without an answer'));
    socket.on('data', (piece: Buffer) => {
      received = Buffer.concat([received, piece]);
      const { answers, rest } = framesIn(received);
      received = Buffer.from(rest);
      const own = answers.find(isOurs);
      if (own !== undefined) end(() => resolve(own));
      else if (received.length > MOST_ANSWER_BYTES) fail('the answer has no end');
    });
    socket.once(server.tls ? 'secureConnect' : 'connect', () => {
      socket.write(Buffer.concat([Buffer.from([BEGIN]), message, END]));
    });
  });
}

function open({ host, port, tls }: MllpServer, ca: string | undefined): Socket {
  if (!tls) return connectTcp({ host, port });
  // An address is no name to ask for (RFC 6066 3); the certificate is held against it all the same.
  return connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...(ca ? { ca } : {}) });
}

async function readCa(server: MllpServer): Promise<string> {
  try {
    return await readFile(server.caFile!, 'utf8');
  } catch (error) {
    throw unreachable(server, (error as Error).message);
  }
}

/** Whole frames; what stands outside of one is passed by. */
function framesIn(bytes: Buffer): { readonly answers: string[]; readonly rest: Buffer } {
  const answers: string[] = [];
  let rest = bytes;
  for (;;) {
    const begin = rest.indexOf(BEGIN);
    if (begin < 0) return { answers, rest: Buffer.alloc(0) };
    const end = rest.indexOf(END, begin);
    if (end < 0) return { answers, rest: rest.subarray(begin) };
    answers.push(rest.toString('utf8', begin + 1, end));
    rest = rest.subarray(end + END.length);
  }
}

function unreachable({ name, host, port }: MllpServer, why: string): CalcidiscError {
  return new CalcidiscError('DESTINATION_UNREACHABLE', `${name} (${host}:${port}): ${why}`);
}
