import type { Command } from 'commander';
import { loadConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { openDatabase } from '../../db/server/database.js';
import { openQueues } from '../../db/work/queue.js';
import { startWorker } from '../../worker/main.js';

export function register(program: Command): void {
  program
    .command('worker')
    .description(
      'takes located cases from the queue and classifies their discs, until it is stopped; run as many as you like, ' +
        'on any host that reaches the database (and Redis, if you use it) and has the models',
    )
    .action(run);
}

async function run(_options: unknown, command: Command): Promise<void> {
  const config = loadConfig(process.env, command.optsWithGlobals().config);
  const log = createLogger(config, 'calcidisc-worker');
  const database = await openDatabase(config, log);
  try {
    const queues = await openQueues(config, database, log);
    try {
      const worker = await startWorker({ config, database, queues, log });
      log.info('the worker waits for cases');
      await asked();
      log.info('the worker ends what it has begun');
      await worker.close();
    } finally {
      await queues.close();
    }
  } finally {
    await database.close();
  }
}

/** To stop: Ctrl-C, or a service manager. */
function asked(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
