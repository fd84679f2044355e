import type { Command } from 'commander';
import { makeFirstLink } from '../../agent/access/links.js';
import { ConfigError, loadConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { appendAudit } from '../../db/tables/audit.js';
import { releaseSilent } from '../../db/tables/results.js';
import { commandActor } from '../actor.js';
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
      .option(
        '--send-since <date>',
        'also send what ended silent since then (2026-11-20, or with a time); once is enough',
      )
      .addHelpText('after', help)
      .action((options: UpOptions) => run(program, parts, options));
}

interface UpOptions {
  readonly pretty?: boolean;
  readonly sendSince?: string;
}

/** @throws ConfigError for what is no date */
function momentOf(text: string): Date {
  const moment = new Date(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(moment.getTime()))
    throw new ConfigError(`--send-since ${text}: that is no date, as 2026-11-20 or 2026-11-20T08:00`);
  return moment;
}

/** What ended silent since then is decided about anew, by the rules of now. */
async function release({ knex }: RunningService['database'], since: Date): Promise<string> {
  const cases = await knex.transaction(async (trx) => {
    const ids = await releaseSilent(trx, since);
    const detail = { since: since.toISOString(), cases: ids.length };
    if (ids.length > 0)
      await appendAudit(trx, {
        event: 'RESULTS_RELEASED',
        subjectType: 'process',
        subjectId: 'send-since',
        actor: commandActor(),
        detail,
      });
    return ids.length;
  });
  return `${cases} reports that had stayed here since ${since.toISOString()} go where the rules of now say.`;
}

async function run(program: Command, parts: ServiceParts, { pretty, sendSince }: UpOptions): Promise<void> {
  const since = sendSince === undefined ? null : momentOf(sendSince);
  const config = loadConfig(serviceEnvironment(pretty), program.opts().config);
  const log = createLogger(config);
  if (since && config.results.mode === 'silent')
    throw new ConfigError('--send-since sends, and results.mode is silent: make it live first');
  const service = await startService(config, log, parts);
  if (since) console.error(await release(service.database, since));
  const page = pageAddress(config, service.httpPort ?? undefined);
  console.error(
    [
      `Listening for DICOM on ${config.dicom.host}:${service.dicomPort} as ${config.dicom.aeTitle}`,
      `Worklist on ${page}`,
      ...(await firstLinkLines(service, page)),
      ...(config.route.destinations.length > 0
        ? []
        : ['No destination is configured: reports are kept, not sent.']),
      ...(config.results.mode === 'silent' ? ['Silent (results.mode): nothing is sent.'] : []),
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
