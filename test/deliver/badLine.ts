import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface LineFault {
  /** The first call ends after so many bytes have reached the receiver. */
  readonly diesAfterBytes?: number;
  /** What the receiver says comes byte by byte. */
  readonly drips?: boolean;
  /** So many calls end at once. */
  readonly callsDown?: number;
}

/** A line to `target` on which something goes wrong; what stands behind it is well. */
export async function badLine(target: number, { diesAfterBytes, drips = false, callsDown = 0 }: LineFault) {
  const sockets = new Set<Socket>();
  let calls = 0;
  const server = createServer((socket) => {
    calls++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (calls <= callsDown) return socket.destroy();
    const onward = connect(target, '127.0.0.1');
    sockets.add(onward);
    onward.on('error', () => socket.destroy());
    onward.setNoDelay(true);
    socket.setNoDelay(true);
    if (diesAfterBytes !== undefined && calls === 1) passUntil(socket, onward, diesAfterBytes);
    else socket.pipe(onward);
    if (drips) void drip(onward, socket);
    else onward.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    calls: () => calls,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function passUntil(from: Socket, to: Socket, most: number): void {
  let passed = 0;
  from.on('data', (chunk: Buffer) => {
    const piece = chunk.subarray(0, most - passed);
    passed += piece.length;
    to.write(piece, () => {
      if (passed < most) return;
      from.destroy();
      to.destroy();
    });
  });
}

async function drip(from: Socket, to: Socket): Promise<void> {
  try {
    for await (const chunk of from)
      for (const byte of chunk as Buffer) {
        if (to.destroyed) return;
        to.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
    to.end();
  } catch {
    to.destroy();
  }
}
