import { Socket } from 'node:net';

/** Who is given a peer's bytes. */
export interface ByteTaker {
  /** @returns whether some of them are still needed after this call, until `settle` is called */
  take(bytes: Buffer): boolean;
  /** Has to be done with all bytes it was given. */
  settle(): void;
}

/** A peer's socket, whose bytes go to the taker and nowhere else. */
export interface PeerSocket {
  readonly socket: Socket;
  readTo(taker: ByteTaker): void;
}

/** What net.Socket and net.Server keep between themselves, the same since Node 0.12. */
interface Internals {
  _handle?: object | null;
  _server?: object | null;
}

/** As much is gathered and written at once. Four of these fit into a processor's second cache; more gain nothing. */
const BUFFER_BYTES = 1 << 18;
/** With less room than this left, reading begins anew at the buffer's start. */
const LEAST_ROOM_BYTES = 1 << 16;
/** Kept for the next connections. */
const MOST_SPARE = 32;

const spare: Buffer[] = [];

/**
 * Reads an accepted socket into one buffer for ever, where Node's streams give every 64 KiB a buffer of its own: that
 * and their queue were a sixth of the receiver's processor time. Node has it as `onread` for sockets one opens oneself;
 * net.Server has no such option, so the accepted connection is handed to a socket that does. Should a later Node keep
 * the connection elsewhere, the stream is read as it was.
 * @param accepted from a server with `pauseOnConnect`
 */
export function bufferedReads(accepted: Socket): PeerSocket {
  const { _handle: handle, _server: server } = accepted as unknown as Internals;
  if (!handle || !server) return streamReads(accepted);
  const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  let taker: ByteTaker | null = null;
  let [at, isKept] = [0, false];
  const room = () => {
    if (isKept && BUFFER_BYTES - at < LEAST_ROOM_BYTES) {
      taker?.settle();
      isKept = false;
    }
    if (!isKept) at = 0;
    return buffer.subarray(at);
  };
  const arrived = (length: number) => {
    isKept = taker?.take(buffer.subarray(at, at + length)) ?? false;
    at += length;
    return true;
  };
  const socket = new Socket({ handle, onread: { buffer: room, callback: arrived } } as object);
  // The server counts its connections by this: `maxConnections`, and when it has closed.
  Object.assign(socket, { _server: server });
  Object.assign(accepted, { _handle: null, _server: null });
  // What the taker still has of it is thrown away in the same turn: its object is incomplete.
  socket.once('close', () => spare.length < MOST_SPARE && spare.push(buffer));
  return {
    socket,
    readTo: (given) => {
      taker = given;
    },
  };
}

/** A socket that has to be read as a stream: TLS makes its bytes itself. */
export function streamReads(socket: Socket): PeerSocket {
  return {
    socket,
    readTo: (taker) => {
      socket.on('data', (chunk: Buffer) => taker.take(chunk));
      socket.resume();
    },
  };
}
