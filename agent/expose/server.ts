import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { projectRoot } from '../../config/root.js';
import { addApi } from './apiRoutes.js';
import { addHealth } from './health.js';
import { openLooks } from './looks.js';
import { addPages } from './pageRoutes.js';
import { errorPage } from './pages/error.js';
import { layout } from './pages/layout.js';
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
  const { http } = parts.config;
  const app = fastify({
    forceCloseConnections: true,
    ...(http.trustedProxies.length > 0 && { trustProxy: [...http.trustedProxies] }),
  });
  app.addHook('onRequest', async (_request, reply) => void reply.headers(SECURITY_HEADERS));
  app.setErrorHandler((error, request, reply) => {
    const isAway = isDatabaseAway(error);
    const status = isAway ? 503 : ((error as { statusCode?: number }).statusCode ?? 500);
    if (status >= 500) parts.log.error({ err: error, path: request.url.split('?')[0] }, 'a request failed');
    const message = isAway
      ? DATABASE_AWAY
      : status >= 500
        ? 'internal error: see the log'
        : (error as Error).message;
    return sendError(request, reply, status, message);
  });
  app.setNotFoundHandler((request, reply) =>
    sendError(request, reply, 404, `there is no page ${request.url}`),
  );
  void app.register(fastifyStatic, {
    root: join(projectRoot, 'agent/expose/assets'),
    prefix: '/assets/',
    cacheControl: false,
  });
  const looking = { ...parts, looks: openLooks(parts.database, http.userHeader) };
  addHealth(app, parts);
  addApi(app, looking);
  addPages(app, looking);
  return app;
}

const DATABASE_AWAY =
  'The database does not answer; this page is there again when it does (/readyz says why)';
const AWAY_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  '57P01',
  '57P03',
  '08006',
]);

function isDatabaseAway(error: unknown): boolean {
  const { code, name, message } = error as { code?: unknown; name?: string; message?: string };
  return AWAY_CODES.has(code) || name === 'KnexTimeoutError' || /Connection terminated/.test(message ?? '');
}

/** A browser gets a page, a program JSON. */
async function sendError(request: FastifyRequest, reply: FastifyReply, status: number, message: string) {
  const isPage = !request.url.startsWith('/api/') && (request.headers.accept ?? '').includes('text/html');
  if (!isPage) return reply.status(status).send({ error: message });
  const page = layout({ title: 'Error', main: errorPage(status, message) });
  return reply.status(status).type('text/html; charset=utf-8').send(page);
}
