import type { Database } from '../../db/server/database.js';
import { isAnyClaimHeld } from '../../db/server/presence.js';
import { findBackfills } from '../../db/tables/backfills.js';
import { type BackfillProgress, progressOf, settledOf } from '../../db/views/backfillProgress.js';
import type { Finding } from './finding.js';

/** Backfills that are under way or were stopped; what is done is no matter of today. */
export async function checkBackfills(knex: Database['knex']): Promise<Finding[]> {
  const open = (await findBackfills(knex, null)).filter(({ state }) => state !== 'done');
  const isAgentAlive = open.length > 0 && (await isAnyClaimHeld(knex));
  return Promise.all(open.map(async ({ id }) => findingOf(await progressOf(knex, id), isAgentAlive)));
}

function findingOf(progress: BackfillProgress, isAgentAlive: boolean): Finding {
  const { id, source, dateFrom, dateTo, state, waitingFor, lastError } = progress.backfill;
  const what = `backfill ${id.slice(0, 8)}`;
  const far = `${dateFrom} to ${dateTo} at ${source}: ${settledOf(progress)} of ${progress.found} studies done with`;
  if (state === 'stopped')
    return { what, verdict: 'ok', detail: `stopped; ${far}`, advice: 'asking in the same words takes it up' };
  if (!isAgentAlive)
    return {
      what,
      verdict: 'warning',
      detail: `${far}; no agent lives that goes on with it`,
      advice: 'start `calcidisc up`',
    };
  if (state === 'searching' && lastError)
    return {
      what,
      verdict: 'warning',
      detail: `${far}; the source could not be asked: ${lastError}`,
      setting: 'query.sources',
    };
  return { what, verdict: 'ok', detail: waitingFor ? `${far}; waits for ${waitingFor}` : far };
}
