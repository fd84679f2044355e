import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** What it answers: a status with text, a connection that ends, or nothing at all. */
export type HttpReply =
  | { readonly status: number; readonly text?: string; readonly headers?: Record<string, string> }
  | 'cut'
  | 'hang';

export interface TestHttpServer {
  readonly url: string;
  readonly requests: HttpRequest[];
  close(): void;
}

/** A server that takes each request whole and answers as `reply` says. */
export async function httpServer(
  reply: (request: HttpRequest, count: number) => HttpReply,
  tls?: { readonly cert: string; readonly key: string },
): Promise<TestHttpServer> {
  const requests: HttpRequest[] = [];
  const listener: RequestListener = async (incoming, response) => {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of incoming) pieces.push(piece as Buffer);
    } catch {
      // It did not come whole: it counts for nothing.
      return;
    }
    const { method = '', url = '', headers } = incoming;
    const request = { method, path: url, headers, body: Buffer.concat(pieces) };
    requests.push(request);
    const said = reply(request, requests.length);
    if (said === 'hang') return;
    if (said === 'cut') return void incoming.socket.destroy();
    response.writeHead(said.status, said.headers).end(said.text ?? '');
  };
  const server = tls ? createHttps(tls, listener) : createHttp(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    requests,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
