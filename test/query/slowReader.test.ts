import assert from 'node:assert/strict';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { get } from '../../agent/dicom/web/get.js';

/** A disk that is slower than the line: the server has closed its connection long before all is read. */
describe('query: an answer that is read more slowly than it comes', () => {
  for (const [says, missing] of [
    ['all of it', 0],
    ['less than it said', 1_000],
  ] as const)
    it(`of a server that closes after ${says}`, async () => {
      const body = Buffer.alloc(1_048_576, 0x61);
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => {
          socket.write(
            `HTTP/1.1 200 OK\r\nContent-Length: ${body.length + missing}\r\nConnection: close\r\n\r\n`,
          );
          socket.end(body);
        });
      });
      server.listen(0, '127.0.0.1');
      await new Promise((ready) => server.once('listening', ready));
      const { port } = server.address() as AddressInfo;
      const peer = { name: 'pacs', url: `http://127.0.0.1:${port}`, timeoutMs: 5_000 };
      try {
        const answer = await get(peer as Parameters<typeof get>[0], { path: '/', headers: {} });
        const read = async () => {
          let length = 0;
          for await (const piece of answer.body) {
            length += piece.length;
            await sleep(1);
          }
          return length;
        };
        await sleep(200);
        if (missing === 0) assert.equal(await read(), body.length);
        else await assert.rejects(read);
      } finally {
        server.close();
      }
    });
});
