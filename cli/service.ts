import { startHttp } from '../agent/expose/server.js';
import { startAgent } from '../agent/main.js';
import type { Logger } from '../config/log.js';
import type { Config } from '../config/schema.js';
import { type Database, openDatabase } from '../db/server/database.js';
import { openQueues, type Queues } from '../db/work/queue.js';
import { startWorker } from '../worker/main.js';

export interface ServiceParts {
  readonly agent: boolean;
  readonly worker: boolean;
}

export interface RunningService {
  readonly database: Database;
  readonly queues: Queues;
  readonly dicomPort: number | null;
  readonly httpPort: number | null;
  close(): Promise<void>;
}

interface Closable {
  close(): Promise<void>;
}

/** Starts what the command asked for, in the order of the path; whatever fails, what had started is closed again. */
export async function startService(
  config: Config,
  log: Logger,
  parts: ServiceParts,
): Promise<RunningService> {
  const open: Closable[] = [];
  const keep = <T extends Closable>(part: T): T => {
    open.push(part);
    return part;
  };
  const close = async () => {
    for (const part of open.splice(0).reverse()) await part.close();
  };
  try {
    const database = keep(await openDatabase(config, log));
    const queues = keep(await openQueues(config, database, log));
    if (parts.worker)
      keep(await startWorker({ config, database, queues, log: log.child({ part: 'worker' }) }));
    const agentParts = { config, database, queues, log: log.child({ part: 'agent' }) };
    const agent = parts.agent ? keep(await startAgent(agentParts)) : null;
    const http = parts.agent ? keep(await startHttp({ config, database, queues, log })) : null;
    return {
      database,
      queues,
      dicomPort: agent?.dicomPort ?? null,
      httpPort: http?.port ?? null,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Resolves at the first Ctrl-C or SIGTERM; a second one ends the process at once. */
export function untilStopped(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        process.once(signal, () => process.exit(130));
        resolve(signal);
      });
  });
}
