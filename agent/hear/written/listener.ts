import { createServer as createTcp, type Server, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import type { Config } from '../../../config/schema.js';
import { listenerTls } from '../../dicom/dimse/tls.js';
import { acknowledgementOf } from './acknowledge.js';
import { readMessage } from './message.js';
import { type TakeContext, takeMessage } from './take.js';

/** Minimal Lower Layer Protocol (HL7 v2.5.1 appendix C). */
const BEGIN = 0x0b;
const END = Buffer.from([0x1c, 0x0d]);
/** No report is so long. */
const MOST_BYTES = 8 << 20;
const MOST_CONNECTIONS = 32;

export interface Hl7Listener {
  readonly port: number;
  close(): Promise<void>;
}

type Hl7Config = NonNullable<Config['hear']['hl7']>;

/**
 * Takes written reports over MLLP: one message at a time of each connection, kept before it is acknowledged.
 * @throws the server's error when the address cannot be listened on, the file system's when a certificate cannot be read
 */
export async function startHl7Listener(config: Hl7Config, context: TakeContext): Promise<Hl7Listener> {
  const { log } = context;
  const sockets = new Set<Socket>();
  const accept = (socket: Socket) => {
    const from = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    // Whatever ends a connection, its sender sends again what was not acknowledged.
    socket.on('error', (error) => log.debug({ from, err: error }, 'an HL7 connection failed'));
    if (config.allowedHosts.length > 0 && !config.allowedHosts.includes(from)) {
      log.warn({ from }, 'an HL7 connection is refused: not one of hear.hl7.allowedHosts');
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.setTimeout(config.idleTimeoutMs, () => socket.destroy());
    serve(socket, context);
  };
  const server: Server = config.tls ? createTls(listenerTls(config.tls), accept) : createTcp(accept);
  server.maxConnections = MOST_CONNECTIONS;
  server.on('tlsClientError', (error: Error) =>
    log.warn({ err: error }, 'an HL7 sender shows no certificate that is believed'),
  );
  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen(config.port, config.host, done);
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : config.port;
  log.info(
    { host: config.host, hl7Port: port, tls: config.tls !== undefined },
    'listening for written reports (HL7)',
  );
  return {
    port,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function serve(socket: Socket, context: TakeContext): void {
  let received = Buffer.alloc(0);
  let work = Promise.resolve();
  socket.on('data', (piece: Buffer) => {
    received = Buffer.concat([received, piece]);
    for (;;) {
      const begin = received.indexOf(BEGIN);
      const end = begin < 0 ? -1 : received.indexOf(END, begin);
      if (end < 0) break;
      const frame = Uint8Array.from(received.subarray(begin + 1, end));
      received = received.subarray(end + END.length);
      work = work.then(() => answer(socket, frame, context));
    }
    if (received.length > MOST_BYTES) {
      context.log.warn({ bytes: received.length }, 'an HL7 message has no end: the connection is closed');
      socket.destroy();
    }
  });
}

async function answer(socket: Socket, frame: Uint8Array, context: TakeContext): Promise<void> {
  const message = readMessage(frame);
  const told = await takeMessage(context, message);
  if (told.code !== 'AA')
    context.log.warn(
      { controlId: message?.controlId ?? null, code: told.code, why: told.words },
      'a written report is refused',
    );
  if (socket.writable)
    socket.write(Buffer.concat([Buffer.from([BEGIN]), Buffer.from(acknowledgementOf(message, told)), END]));
}
