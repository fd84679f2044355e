import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { listStores } from '../../db/tables/stores.js';
import { listAwayStores } from '../../db/views/awayStores.js';
import type { Finding } from './finding.js';

/** Said where several agents work on one database: who is away with what, and who gives the others no images. */
export async function checkAgents(knex: Database['knex'], config: Config): Promise<Finding[]> {
  const stores = await listStores(knex);
  if (stores.length < 2) return [];
  const open = stores.filter(({ isOpen }) => isOpen).map(({ name }) => name);
  const silent = stores.filter(({ isOpen, address }) => isOpen && address === null).map(({ name }) => name);
  return [
    {
      what: 'agents',
      verdict: 'ok',
      detail: `${open.length} of ${stores.length} data folders have their agent: ${open.join(', ') || 'none'}`,
    },
    ...(open.length > 1 && silent.length > 0 ? [givesNothing(silent)] : []),
    ...(await listAwayStores(knex)).map(({ name, series, seenAt }): Finding => {
      const again =
        config.query.sources.length > 0 ? `, or wait: ${AGAIN}` : '; no query source can send them again';
      return {
        what: `agent ${name}`,
        verdict: 'failed',
        detail: `away since about ${seenAt.toISOString().slice(0, 16)} UTC, and ${series} series that are waited for lie with it`,
        setting: 'agents.awayAfterMs, query.sources',
        advice: `start it${again}`,
      };
    }),
  ];
}

const AGAIN = 'the sources are asked for them after agents.awayAfterMs';

function givesNothing(names: readonly string[]): Finding {
  return {
    what: 'agents',
    verdict: 'warning',
    detail: `${names.join(', ')} gives the other agents no images: a case whose images came to two of them waits for ever`,
    setting: 'agents.secretFile, agents.address',
    advice: 'set both on every agent (docs/deploy.md, "Several agents")',
  };
}
