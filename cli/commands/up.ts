import type { Command } from 'commander';
import { makeFirstLink } from '../../agent/access/links.js';
import { loadConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { pageAddress } from '../address.js';
import {
  endService,
  type RunningService,
  type ServiceParts,
  serviceEnvironment,
  startService,
  untilStopped,
} from '../service.js';

interface Role {
  readonly name: string;
  readonly parts: ServiceParts;
  readonly description: string;
  readonly help: string;
}

const ROLES: readonly Role[] = [
  {
    name: 'up',
    parts: { agent: true, worker: true },
    description:
      'everything in one process: DICOM listener, worker, page, and the embedded database unless DATABASE_URL is set',
    help: `
With no configuration it listens for DICOM on 127.0.0.1:11112 as CALCIDISC, shows its page on
http://127.0.0.1:8080 and keeps everything under ./calcidisc-data.

  calcidisc up                             try it
  calcidisc --config site.json up          with your PACS as a destination (config/example.json)
  CALCIDISC_DATA=/var/lib/calcidisc calcidisc up`,
  },
  {
    name: 'agent',
    parts: { agent: true, worker: false },
    description: 'the agent alone: DICOM listener, locating, reports, page; workers run elsewhere',
    help: '\nShare DATABASE_URL (and REDIS_URL, if you use it) with the workers.',
  },
];

export function register(program: Command): void {
  for (const { name, parts, description, help } of ROLES)
    program
      .command(name)
      .description(description)
      .option('--pretty', 'log lines for people instead of JSON (log.format)')
      .addHelpText('after', help)
      .action((options: { readonly pretty?: boolean }) => run(program, parts, options));
}

async function run(
  program: Command,
  parts: ServiceParts,
  { pretty }: { readonly pretty?: boolean },
): Promise<void> {
  const config = loadConfig(serviceEnvironment(pretty), program.opts().config);
  const log = createLogger(config);
  const service = await startService(config, log, parts);
  const page = pageAddress(config, service.httpPort ?? undefined);
  console.error(
    [
      `Listening for DICOM on ${config.dicom.host}:${service.dicomPort} as ${config.dicom.aeTitle}`,
      `Worklist on ${page}`,
      ...(await firstLinkLines(service, page)),
      ...(config.route.destinations.length > 0
        ? []
        : ['No destination is configured: reports are kept, not sent.']),
      'Ctrl-C stops it; nothing is lost.',
    ].join('\n'),
  );
  const signal = await untilStopped();
  log.info({ signal }, 'stopping');
  await endService(service);
}

/** On the terminal and in no log line: whoever has it is the page's first administrator. */
async function firstLinkLines({ database }: RunningService, page: string): Promise<string[]> {
  const link = await makeFirstLink(database.knex);
  if (!link) return [];
  return [`Nobody has an account yet. The first administrator is made here, once: ${page}${link.path}`];
}
