import type { Command } from 'commander';
import { loadConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import { openDatabase } from '../../db/server/database.js';
import { migrate, migrationState } from '../../db/server/migrate.js';

export function register(program: Command): void {
  program
    .command('migrate')
    .description('brings the database schema up to this version; agent and worker do so too when they start')
    .option('--list', 'only say what is applied and what is pending')
    .option('--json', 'one JSON document on stdout: {applied, pending, ran}')
    .action(run);
}

interface Options {
  readonly list?: boolean;
  readonly json?: boolean;
}

async function run({ list, json }: Options, command: Command): Promise<void> {
  const config = loadConfig(process.env, command.optsWithGlobals().config);
  const database = await openDatabase(config, createLogger(config), { migrate: false });
  try {
    const ran = list ? [] : await migrate(database.knex);
    const answer = { ...(await migrationState(database.knex)), ran };
    console.log(json ? JSON.stringify(answer) : inWords(answer));
  } finally {
    await database.close();
  }
}

function inWords({
  applied,
  pending,
  ran,
}: Record<'applied' | 'pending' | 'ran', readonly string[]>): string {
  return [
    ...applied.map((name) => `${ran.includes(name) ? 'applied now' : 'applied    '}  ${name}`),
    ...pending.map((name) => `pending      ${name}`),
  ].join('\n');
}
