import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * A line to a Redis that goes down, and refuses all calls until it is mended, the moment one asks its second INFO: the
 * first is the client's own look whether Redis is ready, the second is BullMQ's at its version.
 */
export async function cutLine(redisPort: number) {
  let isWhole = true;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const onward = connect(redisPort, '127.0.0.1').on('error', () => undefined);
    sockets.add(socket.on('error', () => undefined)).add(onward);
    let asked = 0;
    socket.on('data', (bytes) => {
      if (isWhole && /\binfo\b/i.test(bytes.toString('latin1')) && ++asked === 2) takeDown();
      else onward.write(bytes);
    });
    onward.pipe(socket);
    socket.on('close', () => onward.destroy());
  });
  const takeDown = () => {
    isWhole = false;
    server.close();
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `redis://127.0.0.1:${port}`,
    isDown: () => !server.listening,
    async mend() {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    close: takeDown,
  };
}
