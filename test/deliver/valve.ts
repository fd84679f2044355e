import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A line that takes every call and holds it, words and all, until it is opened: then it goes through. */
export async function valve(target: number) {
  let isOpen = false;
  const held = new Set<() => void>();
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const through = () => {
      const onward = connect(target, '127.0.0.1');
      sockets.add(onward);
      onward.on('error', () => socket.destroy());
      socket.pipe(onward).pipe(socket);
    };
    if (isOpen) through();
    else held.add(through);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    /** How many have called so far. */
    callers: () => sockets.size,
    open() {
      isOpen = true;
      for (const through of held) through();
      held.clear();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
