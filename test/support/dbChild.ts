import { parseConfig } from '../../config/load.js';
import { openDatabase } from '../../db/server/database.js';
import { openEmbedded } from '../../db/server/embedded.js';
import { openQueues } from '../../db/work/queue.js';
import { startStep } from '../../db/work/steps.js';
import { quietLog } from './database.js';

/**
 * A process of its own for tests that kill one. It says what it has done as messages to its parent:
 * `hold DATADIR` uses the embedded server until it is told to leave;
 * `work URL [REDIS PREFIX]` takes jobs of the agent's queue, starts their steps, and never ends one;
 * `take URL [REDIS PREFIX]` takes them and does not come to start their steps.
 */
const [mode, where, redisUrl, prefix] = process.argv.slice(2);

if (mode === 'hold') await hold(where!);
else await work(where!, mode === 'work');

async function hold(dataDir: string): Promise<void> {
  const server = await openEmbedded({ dataDir, throwaway: true }, quietLog);
  process.once('message', async () => {
    await server.close();
    process.exit(0);
  });
  process.send!({ url: server.url });
}

async function work(url: string, starts: boolean): Promise<void> {
  const config = parseConfig({ database: { url }, queue: redisUrl ? { redisUrl, prefix } : {} });
  const database = await openDatabase(config, quietLog);
  const queues = await openQueues(config, database, quietLog, { lockMs: starts ? 30_000 : 300 });
  queues.runAgent(async ({ caseId, revision, state }) => {
    const row = starts ? await startStep(database.knex, { id: caseId, revision, state }) : null;
    process.send!({ caseId, started: row !== null });
    await new Promise(() => undefined);
  }, 1);
  process.send!({ ready: true });
}
