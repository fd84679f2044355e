import type { FastifyInstance } from 'fastify';
import { Gauge, Registry } from 'prom-client';
import { version } from '../../config/version.js';
import { countCases } from '../../db/tables/cases.js';
import { countWithoutForm } from '../../db/tables/deliveries.js';
import { countReadings } from '../../db/tables/readings.js';
import { listRefusals } from '../../db/tables/refusals.js';
import { measureUnread } from '../../db/tables/unreadObjects.js';
import { listAwayStores } from '../../db/views/awayStores.js';
import { countParked } from '../../db/views/conditions.js';
import { countFlagged } from '../../db/views/toldDiscs.js';
import { openExposition } from '../../db/work/stageTimes.js';
import { CONDITIONS, lookAtConditions } from './conditions.js';
import type { HttpParts } from './types.js';

/** Alive, and ready. */
export function addHealth(app: FastifyInstance, parts: HttpParts): void {
  // Who holds the port, for the doctor and for a person who wonders.
  app.get('/healthz', async () => ({
    status: 'alive',
    program: 'calcidisc',
    version,
    dicomPort: parts.dicomPort ?? null,
  }));

  app.get('/readyz', async (_request, reply) => {
    const conditions = await lookAtConditions(parts);
    const broken = conditions.filter(({ ok }) => !ok);
    if (broken.length === 0) return { status: 'ready', conditions };
    const status = broken.map(({ what, reason }) => `${CONDITIONS[what]}: ${reason}`).join('. ');
    return reply.status(503).send({ status, conditions });
  });
}

/** The numbers a monitor draws. */
export function addMetrics(app: FastifyInstance, parts: HttpParts): void {
  const { database, queues } = parts;
  const registry = new Registry();
  const expose = openExposition([registry]);
  const holds = gauge(registry, 'calcidisc_condition', '1 while it holds, else 0 (/readyz says why)', 'what');
  const cases = gauge(registry, 'calcidisc_cases', 'Cases by state', 'state');
  const readings = gauge(registry, 'calcidisc_series_readings', 'Series to be read, by state', 'state');
  const parked = gauge(registry, 'calcidisc_cases_parked', 'Parked cases by error code', 'code');
  const jobs = gauge(registry, 'calcidisc_queue_jobs', 'Jobs waiting, delayed or running', 'queue');

  const told = gauge(registry, 'calcidisc_discs_told', 'Discs told, of the last report.flaggedOver', 'model');
  const flagged = gauge(
    registry,
    'calcidisc_discs_flagged',
    'Of those, the discs that were flagged',
    'model',
  );

  const awayHelp = 'Series that are waited for and lie with an agent that is away';
  const away = gauge(registry, 'calcidisc_agent_away_series', awayHelp, 'agent');

  const without = gauge(
    registry,
    'calcidisc_delivered_without_form',
    'Reports that a destination has without a form (the picture) that it refused for good',
    'destination',
  );
  const drawReceiving = receivingGauges(registry);

  app.get('/metrics', { config: { wants: 'metrics' } }, async (request, reply) => {
    const conditions = await lookAtConditions(parts);
    for (const { what, ok } of conditions) holds.set({ what }, ok ? 1 : 0);
    const answers = new Set(conditions.filter(({ ok }) => ok).map(({ what }) => what));
    // What cannot be asked now is left out, not drawn as it was before.
    for (const each of [cases, parked, readings, jobs, told, flagged, away, without]) each.reset();
    if (answers.has('database')) {
      for (const [state, count] of Object.entries(await countCases(database.knex)))
        cases.set({ state }, count);
      for (const [code, count] of await countParked(database.knex)) parked.set({ code }, count);
      for (const [state, count] of Object.entries(await countReadings(database.knex)))
        readings.set({ state }, count);
      for (const { name, series } of await listAwayStores(database.knex)) away.set({ agent: name }, series);
      for (const { destination, reports } of await countWithoutForm(database.knex))
        without.set({ destination }, reports);
      await drawReceiving(database);
      const flags = await countFlagged(database.knex, parts.config.report.flaggedOver);
      if (flags) {
        told.set({ model: flags.model }, flags.told);
        flagged.set({ model: flags.model }, flags.flagged);
      }
    }
    if (answers.has('queue'))
      for (const [queue, count] of Object.entries(await queues.depth())) jobs.set({ queue }, count);
    const { contentType, text } = await expose(request.headers.accept);
    return reply.type(contentType).send(text);
  });
}

/** What senders were not allowed, and what is kept unread of what they sent. */
function receivingGauges(registry: Registry): (database: HttpParts['database']) => Promise<void> {
  const registers = [registry];
  const refused = new Gauge({
    name: 'calcidisc_refused',
    help: 'Associations, presentation contexts and objects that were not accepted',
    labelNames: ['what', 'calling_ae', 'sop_class', 'status'] as const,
    registers,
  });
  const help = 'Objects of other classes, kept or dropped';
  const unread = gauge(registry, 'calcidisc_unread_objects', help, 'state');
  const name = 'calcidisc_unread_bytes';
  const bytes = new Gauge({ name, help: 'Size of the store of objects that are kept unread', registers });
  return async ({ knex }) => {
    for (const { what, callingAe, sopClassUid, status, count } of await listRefusals(knex))
      refused.set({ what, calling_ae: callingAe, sop_class: sopClassUid, status }, count);
    const store = await measureUnread(knex);
    unread.set({ state: 'kept' }, store.objects);
    unread.set({ state: 'dropped' }, store.dropped);
    bytes.set(store.bytes);
  };
}

function gauge<L extends string>(registry: Registry, name: string, help: string, label: L): Gauge<L> {
  return new Gauge({ name, help, labelNames: [label], registers: [registry] });
}
