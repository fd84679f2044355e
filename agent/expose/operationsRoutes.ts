import { statfs } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { recentTroubles } from '../../config/recentLog.js';
import { readSyslogPlace } from '../../db/tables/auditSyslog.js';
import { findBackfills } from '../../db/tables/backfills.js';
import { listRefusals } from '../../db/tables/refusals.js';
import { listStores } from '../../db/tables/stores.js';
import { countParked } from '../../db/views/conditions.js';
import {
  listDestinationStates,
  listSourceStates,
  listStateQueues,
  readAlive,
} from '../../db/views/operations.js';
import { readWatch } from '../quality/watch.js';
import { lookAtConditions } from './conditions.js';
import { type Operations, operationsPage } from './pages/operations.js';
import { openAlarms } from './pages/watch.js';
import { remembered } from './remembered.js';
import type { HttpParts, SendPage } from './types.js';

const REFRESH_SECONDS = 10;
const WEEK_MS = 7 * 24 * 3_600_000;
const LOOK_MS = 5_000;
/** Two years of studies cost a second to look at. */
const WATCH_MS = 10 * 60_000;

/** For who keeps it running: what lives, what waits and what stands still. No patient stands on it. */
export function addOperations(app: FastifyInstance, parts: HttpParts & { readonly send: SendPage }): void {
  const { knex } = parts.database;
  const alarms = remembered(() => readWatch(knex).then(openAlarms), WATCH_MS);
  const look = remembered(() => lookAround(parts, alarms), LOOK_MS);
  app.get('/operations', { config: { wants: 'operate' } }, async (_request, reply) =>
    parts.send(reply, {
      title: 'Operations',
      main: operationsPage(await look()),
      refreshSeconds: REFRESH_SECONDS,
    }),
  );
}

async function lookAround(parts: HttpParts, alarms: () => Promise<number>): Promise<Operations> {
  const { config, database, queues } = parts;
  const { knex } = database;
  return {
    conditions: await lookAtConditions(parts),
    alive: await readAlive(knex),
    stores: await listStores(knex),
    jobs: await queues.depth().catch(() => null),
    queues: await listStateQueues(knex),
    parked: await countParked(knex),
    destinations: await listDestinationStates(knex),
    sources: await listSourceStates(knex),
    refusals: await listRefusals(knex, new Date(Date.now() - WEEK_MS)),
    backfills: (await findBackfills(knex, null)).filter(({ endedAt }) => endedAt === null),
    disk: await statfs(config.dataDir).then(
      ({ bavail, blocks, bsize }) => ({ free: bavail * bsize, whole: blocks * bsize }),
      () => null,
    ),
    syslog: await readSyslogPlace(knex),
    alarms: await alarms(),
    troubles: recentTroubles(),
  };
}
