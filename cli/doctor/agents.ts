import { unseen } from '../../agent/holders/shared.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { type ListedStore, listStores } from '../../db/tables/stores.js';
import { listAwayStores } from '../../db/views/awayStores.js';
import type { Finding } from './finding.js';

/** Said where several agents work on one database: who is away with what, and who gives the others no images. */
export async function checkAgents(knex: Database['knex'], config: Config): Promise<Finding[]> {
  const stores = await listStores(knex);
  if (stores.length < 2) return [];
  const open = stores.filter(({ isOpen }) => isOpen).map(({ name }) => name);
  const silent = stores
    .filter((store) => store.isOpen && store.address === null && store.sharedPath === null)
    .map(({ name }) => name);
  return [
    {
      what: 'agents',
      verdict: 'ok',
      detail: `${open.length} of ${stores.length} data folders have their agent: ${open.join(', ') || 'none'}`,
    },
    ...(await checkShared(stores, config)),
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

/** Whether the data folders of the others are seen from here, by what each wrote into its own. */
async function checkShared(
  stores: readonly ListedStore[],
  { agents: { sharedFolder } }: Config,
): Promise<Finding[]> {
  if (sharedFolder === undefined) return [];
  const what = 'shared folder';
  const setting = 'agents.sharedFolder';
  const reasons = await Promise.all(stores.map((store) => unseen(sharedFolder, store)));
  const unseenOnes = reasons.filter((why) => why !== null);
  if (unseenOnes.length === 0)
    return [{ what, verdict: 'ok', detail: `${stores.length} data folders are seen in ${sharedFolder}` }];
  return unseenOnes.map((detail) => ({
    what,
    verdict: 'failed',
    detail,
    setting,
    advice: 'the same mount on every agent, and agents.sharedFolder set on each (docs/deploy.md)',
  }));
}

const AGAIN = 'the sources are asked for them after agents.awayAfterMs';

function givesNothing(names: readonly string[]): Finding {
  return {
    what: 'agents',
    verdict: 'warning',
    detail: `${names.join(', ')} gives the other agents no images: a case whose images came to two of them waits for ever`,
    setting: 'agents.secretFile, agents.address',
    advice: 'set both on every agent, or agents.sharedFolder (docs/deploy.md, "Several agents")',
  };
}
