import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CalcidiscError } from '../agent/domain/errors.js';
import type { Config } from '../config/schema.js';
import { openExposition } from '../db/work/stageTimes.js';

/** The worker whose figures they are: why it can classify nothing now; null: it can. */
interface Worker {
  trouble(): Promise<string | null>;
}

export interface ServedFigures {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * /metrics and /healthz of a worker that runs alone, where `worker.metricsPort` asks for them: what it computed, no patient.
 * @throws CalcidiscError METRICS_LISTENER
 */
export async function serveFigures(
  { metricsPort, metricsHost }: Pick<Config['worker'], 'metricsPort' | 'metricsHost'>,
  worker: Worker,
): Promise<ServedFigures | null> {
  if (metricsPort === undefined) return null;
  const expose = openExposition();
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET') return void response.writeHead(405).end();
    if (request.url === '/metrics') {
      const { contentType, text } = await expose(request.headers.accept);
      return void response.writeHead(200, { 'content-type': contentType }).end(text);
    }
    if (request.url !== '/healthz') return void response.writeHead(404).end();
    const trouble = await worker.trouble();
    const body = JSON.stringify({ status: trouble ?? 'alive', program: 'calcidisc worker' });
    response.writeHead(trouble ? 503 : 200, { 'content-type': 'application/json' }).end(body);
  }

  server.listen(metricsPort, metricsHost);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const where = `${metricsHost}:${metricsPort}`;
    throw new CalcidiscError(
      'METRICS_LISTENER',
      `worker.metricsPort: ${where} cannot be listened on: ${(cause as Error).message}`,
      {},
      { cause },
    );
  }
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
