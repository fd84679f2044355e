import type { Command } from 'commander';
import { loadConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { endService, serviceEnvironment, startService, untilStopped } from '../service.js';

export function register(program: Command): void {
  program
    .command('worker')
    .description(
      'takes located cases from the queue and classifies their discs, until it is stopped; run as many as you like, ' +
        'on any host that reaches the database (and Redis, if you use it) and has the models',
    )
    .option('--pretty', 'log lines for people instead of JSON (log.format)')
    .action(run);
}

async function run({ pretty }: { pretty?: boolean }, command: Command): Promise<void> {
  const config = loadConfig(serviceEnvironment(pretty), command.optsWithGlobals().config);
  const log = createLogger(config, 'calcidisc-worker');
  const service = await startService(config, log, { agent: false, worker: true });
  log.info('the worker waits for cases');
  await untilStopped();
  log.info('the worker ends what it has begun');
  await endService(service);
}
