import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { Config } from '../../../config/schema.js';
import { appendAudit } from '../../../db/tables/audit.js';
import { findCase } from '../../../db/tables/cases.js';
import { decideAccess, type Principal, type Wanted } from '../../access/principal.js';
import { isForPrograms, sendProblem } from '../problem.js';
import { BadRequest } from '../query.js';
import { type IdentifyParts, openIdentify } from './identify.js';
import { addSessions, type SessionParts } from './sessions.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What whoever asks needs; absent: `view` for what only shows. */
    wants?: Wanted;
  }
  interface FastifyRequest {
    /** Null for what anyone may ask. */
    principal: Principal | null;
  }
}

/** An address of the page and what it asks for: the routes say it, and the table in docs/access.md is made of them. */
export interface GuardedRoute {
  readonly method: string;
  readonly url: string;
  readonly wants: Wanted;
}

export type GateParts = IdentifyParts &
  SessionParts & { readonly config: { readonly http: Pick<Config['http'], 'requestsPerMinute'> } };

const SHOWS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Before everything else: who asks, and may they. What is registered behind it is guarded, whoever writes it. */
export async function addGate(app: FastifyInstance, parts: GateParts, routes: GuardedRoute[]): Promise<void> {
  const limit = { max: parts.config.http.requestsPerMinute, timeWindow: '1 minute' };
  await app.register(rateLimit, { ...limit, global: false });
  // For every request, those that are turned away too, and before anything is looked up for them.
  app.addHook('onRequest', app.rateLimit(limit));
  app.addHook('onRequest', async ({ url }) => refuseNul(url.includes('%00')));
  await addSessions(app, parts);
  const identify = openIdentify(parts);
  app.decorateRequest('principal', null);
  app.addHook('onRoute', (route) => noteRoute(route, routes));
  app.addHook('onRequest', async (request, reply) => {
    const wanted = request.is404 ? 'known' : (request.routeOptions.config.wants ?? 'known');
    if (wanted === 'anyone') return;
    request.principal = await identify(request);
    const verdict = decideAccess(wanted, request.principal);
    if (verdict === 'who') return askWho(request, reply);
    if (verdict === 'no') return refuse(parts, request, wanted);
    if (!(await isWithin(parts, request))) return refuse(parts, request, wanted);
  });
  app.addHook('preHandler', async ({ body }) =>
    refuseNul(Object.values(body ?? {}).some((each) => `${each}`.includes('\0'))),
  );
  app.addHook('preHandler', (request, reply, done) => {
    // A token is shown by its program alone; a browser shows its cookie whoever has made it ask.
    if (SHOWS.has(request.method) || request.principal?.by === 'token') done();
    else app.csrfProtection(request, reply, done);
  });
}

/** PostgreSQL's text has no such character, and nobody has it in a name. @throws BadRequest */
function refuseNul(isThere: boolean): void {
  if (isThere) throw new BadRequest('a NUL character cannot be asked for');
}

/** @throws Error at the start, for something that changes and does not say who may */
function noteRoute(route: RouteOptions, routes: GuardedRoute[]): void {
  const methods = [route.method].flat();
  const config = route.config ?? {};
  if (!config.wants && !methods.every((method) => SHOWS.has(method)))
    throw new Error(
      `${methods.join()} ${route.url} changes something and does not say who may (config.wants)`,
    );
  const wants = config.wants ?? 'view';
  route.config = { ...config, wants };
  for (const method of methods) routes.push({ method, url: route.url, wants });
}

/** People are shown the log-in, programs are told. */
function askWho(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const isPerson = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html');
  const isAsking = request.headers['x-calcidisc-refresh'] === undefined && !isForPrograms(request.url);
  if (isPerson && isAsking) {
    const next = request.url === '/' ? '' : `?next=${encodeURIComponent(request.url)}`;
    return reply.redirect(`/login${next}`);
  }
  reply.header('www-authenticate', 'Bearer realm="calcidisc"');
  return sendProblem(
    reply,
    401,
    'log in, or show a token: Authorization: Bearer … (`calcidisc token add`, docs/access.md)',
  );
}

/** Of one case, as it is shown: nothing else is there for whoever was launched for its study. */
const OF_A_CASE = /^(\/api)?\/cases\/:id/;

/** Whether what is asked for lies within the study that somebody was launched for; of anybody else's it always does. */
async function isWithin(
  { database }: Pick<GateParts, 'database'>,
  { principal, routeOptions, params, method }: FastifyRequest,
): Promise<boolean> {
  if (principal?.onlyStudy === undefined) return true;
  if (!SHOWS.has(method) || !OF_A_CASE.test(routeOptions.url ?? '')) return false;
  const row = await findCase(database.knex, String((params as { id?: unknown }).id ?? ''));
  return row?.mrStudyInstanceUid === principal.onlyStudy;
}

class Forbidden extends Error {
  readonly statusCode = 403;
}

/** @throws Forbidden, and it is on the trail */
async function refuse(
  { database }: Pick<GateParts, 'database'>,
  { principal, routeOptions, method, ip }: FastifyRequest,
  wanted: Wanted,
): Promise<never> {
  const { actor, name, role } = principal!;
  await appendAudit(database.knex, {
    event: 'ACCESS_DENIED',
    subjectType: 'page',
    subjectId: routeOptions.url ?? 'unknown',
    actor,
    detail: { method, wanted, role, from: ip },
  });
  throw new Forbidden(`${name} is ${role} here: that is for others (docs/access.md)`);
}
