import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Database } from '../../db/server/database.js';
import { AUDIT_EVENTS, type AuditEventName, appendAudit, searchAudit } from '../../db/tables/audit.js';
import { listAuditPurges } from '../../db/tables/auditPurges.js';
import { described } from './openApi.js';
import { trailPage } from './pages/trail.js';
import { optional, parseQuery } from './query.js';
import { TrailPage } from './schemas.js';
import type { SendPage } from './types.js';

const EVENTS = Object.keys(AUDIT_EVENTS) as [AuditEventName, ...AuditEventName[]];

/** What the trail may be asked; `before` is the last page's `next`. */
export const TrailQuery = z.strictObject({
  event: z.enum(EVENTS).optional(),
  actor: z.string().max(128).optional(),
  subjectType: z.string().max(64).optional(),
  subjectId: z.string().max(128).optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
  before: z.coerce.number().int().positive().optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});

/** As a form sends it: what is empty was not asked, and days are whole. */
const TrailPageQuery = z.strictObject({
  event: optional(z.enum(EVENTS)),
  actor: optional(z.string().trim().max(128)),
  subjectType: optional(z.string().trim().max(64)),
  subjectId: optional(z.string().trim().max(128)),
  from: optional(z.iso.date()),
  to: optional(z.iso.date()),
  before: optional(z.coerce.number().int().positive()),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});

const TRAIL = described({
  summary: 'The audit trail, the newest first',
  querystring: TrailQuery,
  answer: TrailPage,
});

/** The audit trail for whom it is for; that they looked is on it, too (PS3.15 A.5.3.2). */
export function addTrail(
  app: FastifyInstance,
  { database }: { readonly database: Pick<Database, 'knex'> },
): void {
  app.get('/api/audit', { config: { wants: 'trail' }, schema: TRAIL }, async (request) =>
    readTrail(database.knex, request, parseQuery(TrailQuery, request.query)),
  );
}

/** The same for people. */
export function addTrailPage(
  app: FastifyInstance,
  { database, send }: { readonly database: Pick<Database, 'knex'>; readonly send: SendPage },
): void {
  app.get('/audit', { config: { wants: 'trail' } }, async (request, reply) => {
    const query = parseQuery(TrailPageQuery, request.query);
    const { from, to, ...asked } = query;
    const moments = {
      ...(from && { from: `${from}T00:00:00Z` }),
      ...(to && { to: `${to}T23:59:59.999999Z` }),
    };
    const { events, next } = await readTrail(database.knex, request, { ...asked, ...moments });
    const [purged = null] = await listAuditPurges(database.knex);
    const main = trailPage({ events, next, query, names: EVENTS, purged });
    return send(reply, { title: 'Audit trail', main });
  });
}

/** That somebody read it is on it before the answer goes out. */
async function readTrail(
  knex: Database['knex'],
  request: FastifyRequest,
  query: z.output<typeof TrailQuery>,
) {
  const events = await searchAudit(knex, query);
  const { limit, before, ...asked } = query;
  await appendAudit(knex, {
    event: 'AUDIT_READ',
    subjectType: 'audit',
    subjectId: 'trail',
    actor: request.principal!.actor,
    detail: {
      by: Object.entries(asked).flatMap(([key, value]) => (value === undefined ? [] : key)),
      found: events.length,
      from: request.ip,
      ...(before && { before }),
    },
  });
  return { events, next: events.length === limit ? events.at(-1)!.seq : null };
}
