import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { countCases } from '../../db/tables/cases.js';
import { listRefusals } from '../../db/tables/refusals.js';
import { measureUnread } from '../../db/tables/unreadObjects.js';
import type { HttpParts } from './types.js';

/** Alive, ready, and the numbers a monitor draws. */
export function addHealth(
  app: FastifyInstance,
  { database, queues }: Pick<HttpParts, 'database' | 'queues'>,
): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const cases = gauge(registry, 'calcidisc_cases', 'Cases by state', 'state');
  const jobs = gauge(registry, 'calcidisc_queue_jobs', 'Jobs waiting, delayed or running', 'queue');

  const refused = new Gauge({
    name: 'calcidisc_refused',
    help: 'Associations, presentation contexts and objects that were not accepted',
    labelNames: ['what', 'calling_ae', 'sop_class', 'status'] as const,
    registers: [registry],
  });
  const unread = gauge(
    registry,
    'calcidisc_unread_objects',
    'Objects of other classes, kept or dropped',
    'state',
  );
  const unreadBytes = new Gauge({
    name: 'calcidisc_unread_bytes',
    help: 'Size of the store of objects that are kept unread',
    registers: [registry],
  });

  app.get('/healthz', async () => ({ status: 'alive' }));

  app.get('/readyz', async (_request, reply) => {
    try {
      await database.knex.raw('SELECT 1');
      return { status: 'ready' };
    } catch {
      return reply.status(503).send({ status: 'the database does not answer' });
    }
  });

  app.get('/metrics', async (_request, reply) => {
    for (const [state, count] of Object.entries(await countCases(database.knex))) cases.set({ state }, count);
    for (const [queue, count] of Object.entries(await queues.depth())) jobs.set({ queue }, count);
    for (const { what, callingAe, sopClassUid, status, count } of await listRefusals(database.knex))
      refused.set({ what, calling_ae: callingAe, sop_class: sopClassUid, status }, count);
    const store = await measureUnread(database.knex);
    unread.set({ state: 'kept' }, store.objects);
    unread.set({ state: 'dropped' }, store.dropped);
    unreadBytes.set(store.bytes);
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

function gauge<L extends string>(registry: Registry, name: string, help: string, label: L): Gauge<L> {
  return new Gauge({ name, help, labelNames: [label], registers: [registry] });
}
