import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { countCases } from '../../db/tables/cases.js';
import { countReadings } from '../../db/tables/readings.js';
import type { HttpParts } from './types.js';

/** Alive, ready, and the numbers a monitor draws. */
export function addHealth(
  app: FastifyInstance,
  { database, queues }: Pick<HttpParts, 'database' | 'queues'>,
): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const cases = gauge(registry, 'calcidisc_cases', 'Cases by state', 'state');
  const readings = gauge(registry, 'calcidisc_series_readings', 'Series to be read, by state', 'state');
  const jobs = gauge(registry, 'calcidisc_queue_jobs', 'Jobs waiting, delayed or running', 'queue');

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
    for (const [state, count] of Object.entries(await countReadings(database.knex)))
      readings.set({ state }, count);
    for (const [queue, count] of Object.entries(await queues.depth())) jobs.set({ queue }, count);
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

function gauge<L extends string>(registry: Registry, name: string, help: string, label: L): Gauge<L> {
  return new Gauge({ name, help, labelNames: [label], registers: [registry] });
}
