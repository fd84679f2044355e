import { join } from 'node:path';
import fastifyFormbody from '@fastify/formbody';
import fastifyHelmet from '@fastify/helmet';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance } from 'fastify';
import { projectRoot } from '../../config/root.js';
import type { Config } from '../../config/schema.js';
import { LOOPBACK } from '../../config/values.js';
import { listenerTls } from '../dicom/dimse/tls.js';
import { addAccounts } from './accountRoutes.js';
import { addApi } from './apiRoutes.js';
import { addCsv } from './csvRoutes.js';
import { addErrors } from './errors.js';
import { addFhir } from './fhirRoutes.js';
import { addGate, type GuardedRoute } from './gate/gate.js';
import { isHttps } from './gate/sessions.js';
import { addHealth, addMetrics } from './health.js';
import { addJudging } from './judgeRoutes.js';
import { addLaunches } from './launchRoutes.js';
import { addLogin } from './loginRoutes.js';
import { openLooks } from './looks.js';
import { addOpenApi } from './openApi.js';
import { addPages } from './pageRoutes.js';
import { addStow } from './stowRoutes.js';
import { addTrail } from './trailRoutes.js';
import type { HttpParts } from './types.js';
import { addSavedViews } from './viewRoutes.js';

export interface RunningHttp {
  readonly port: number;
  /** Every address behind the gate, and what it asks for. */
  readonly routes: readonly GuardedRoute[];
  close(): Promise<void>;
}

/** Forms and nothing larger are sent here. */
const LARGEST_BODY = 64 * 1024;

/** @throws the server's error when the address cannot be listened on */
export async function startHttp(parts: HttpParts): Promise<RunningHttp> {
  const { config, log } = parts;
  const routes: GuardedRoute[] = [];
  const app = await buildApp(parts, routes);
  await app.listen({ host: config.http.host, port: config.http.port });
  const address = app.server.address();
  const port = typeof address === 'object' && address ? address.port : config.http.port;
  log.info({ host: config.http.host, httpPort: port }, 'listening for HTTP');
  if (isInClear(config.http))
    log.warn(
      { host: config.http.host },
      'passwords and patients cross the network in clear: set http.tls, or put a proxy with HTTPS in front (docs/access.md)',
    );
  return { port, routes, close: () => app.close() };
}

async function buildApp(parts: HttpParts, routes: GuardedRoute[]): Promise<FastifyInstance> {
  const { http } = parts.config;
  const app = openFastify(http);
  await app.register(fastifyHelmet, securityHeaders(http));
  app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'));
  addErrors(app, parts);
  await app.register(fastifyStatic, {
    root: join(projectRoot, 'agent/expose/assets'),
    prefix: '/assets/',
    cacheControl: false,
  });
  addHealth(app, parts);
  if (http.metrics === 'open') addMetrics(app, parts);
  await app.register((guarded) => addGuarded(guarded, parts, routes));
  return app;
}

/** Everything a person or a program has to be known for, and where they say who they are. */
async function addGuarded(app: FastifyInstance, parts: HttpParts, routes: GuardedRoute[]): Promise<void> {
  await app.register(fastifyFormbody, { bodyLimit: LARGEST_BODY });
  await addGate(app, parts, routes);
  const looking = { ...parts, looks: openLooks(parts.database) };
  app.setNotFoundHandler((request, reply) => {
    void reply.status(404);
    throw Object.assign(new Error(`there is no page ${request.url}`), { statusCode: 404 });
  });
  if (parts.config.http.metrics === 'token') addMetrics(app, parts);
  await addOpenApi(app);
  addLogin(app, parts);
  addAccounts(app, parts);
  addTrail(app, looking);
  addApi(app, looking);
  addCsv(app, looking);
  addFhir(app, looking);
  await addStow(app, parts);
  addJudging(app, parts);
  addLaunches(app, looking);
  addSavedViews(app, parts);
  addPages(app, looking);
}

function openFastify({ tls, trustedProxies }: Config['http']): FastifyInstance {
  const options = {
    forceCloseConnections: true,
    bodyLimit: LARGEST_BODY,
    ...(trustedProxies.length > 0 && { trustProxy: [...trustedProxies] }),
  };
  if (!tls) return fastify(options);
  const https = listenerTls({ ...tls, clientCertificates: 'none' });
  return fastify({ ...options, https }) as unknown as FastifyInstance;
}

/** Nothing from elsewhere, no inline script, no frame: what is shown came from here. */
function securityHeaders(http: Config['http']) {
  const secure = isHttps(http);
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Said by plain HTTP these two mean nothing, and a browser complains.
    strictTransportSecurity: secure,
    crossOriginOpenerPolicy: secure,
    referrerPolicy: { policy: 'no-referrer' as const },
  };
}

/** Off this machine, and nothing that is known of encrypts on the way. */
function isInClear(http: Config['http']): boolean {
  return !LOOPBACK.includes(http.host) && !isHttps(http) && http.trustedProxies.length === 0;
}
