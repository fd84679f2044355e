import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Database } from '../../db/server/database.js';
import { AUDIT_EVENTS, type AuditEventName, appendAudit, searchAudit } from '../../db/tables/audit.js';
import { described } from './openApi.js';
import { parseQuery } from './query.js';
import { TrailPage } from './schemas.js';

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
  app.get('/api/audit', { config: { wants: 'trail' }, schema: TRAIL }, async (request) => {
    const query = parseQuery(TrailQuery, request.query);
    const events = await searchAudit(database.knex, query);
    const { limit, before, ...asked } = query;
    await appendAudit(database.knex, {
      event: 'AUDIT_READ',
      subjectType: 'audit',
      subjectId: 'trail',
      actor: request.principal!.actor,
      detail: { by: Object.keys(asked), found: events.length, from: request.ip, ...(before && { before }) },
    });
    return { events, next: events.length === limit ? events.at(-1)!.seq : null };
  });
}
