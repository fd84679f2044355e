import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance } from 'fastify';
import { projectRoot } from '../../config/root.js';
import { addApi } from './apiRoutes.js';
import { addHealth } from './health.js';
import { addPages } from './pageRoutes.js';
import type { HttpParts } from './types.js';

export interface RunningHttp {
  readonly port: number;
  close(): Promise<void>;
}

/** Nothing from elsewhere, no inline script, no frame: what is shown came from here. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const;

/** @throws the server's error when the address cannot be listened on */
export async function startHttp(parts: HttpParts): Promise<RunningHttp> {
  const { config, log } = parts;
  const app = buildApp(parts);
  await app.listen({ host: config.http.host, port: config.http.port });
  const address = app.server.address();
  const port = typeof address === 'object' && address ? address.port : config.http.port;
  log.info({ host: config.http.host, httpPort: port }, 'listening for HTTP');
  return { port, close: () => app.close() };
}

function buildApp(parts: HttpParts): FastifyInstance {
  const app = fastify({ forceCloseConnections: true });
  app.addHook('onRequest', async (_request, reply) => void reply.headers(SECURITY_HEADERS));
  app.setErrorHandler((error, request, reply) => {
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    if (status >= 500) parts.log.error({ err: error, url: request.url }, 'a request failed');
    const message = status >= 500 ? 'internal error: see the log' : (error as Error).message;
    return reply.status(status).send({ error: message });
  });
  void app.register(fastifyStatic, {
    root: join(projectRoot, 'agent/expose/assets'),
    prefix: '/assets/',
    cacheControl: false,
  });
  addHealth(app, parts);
  addApi(app, parts);
  addPages(app, parts);
  return app;
}
