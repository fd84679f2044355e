import type { Command } from 'commander';
import { type MigrationState, migrate, migrationState, refuseNewer } from '../../db/server/migrate.js';
import { withDatabase } from '../database.js';

export function register(program: Command): void {
  program
    .command('migrate')
    .description('brings the database schema up to this version; agent and worker do so too when they start')
    .option('--list', 'only say what is applied and what is pending')
    .option('--json', 'one JSON document on stdout: {applied, pending, unknown, ran}')
    .action(run);
}

interface Options {
  readonly list?: boolean;
  readonly json?: boolean;
}

async function run({ list, json }: Options, command: Command): Promise<void> {
  await withDatabase(
    command,
    async ({ database: { knex } }) => {
      if (!list) await refuseNewer(knex);
      const ran = list ? [] : await migrate(knex);
      const answer = { ...(await migrationState(knex)), ran };
      console.log(json ? JSON.stringify(answer) : inWords(answer));
    },
    { schema: 'any', makes: !list },
  );
}

function inWords({
  applied,
  pending,
  unknown,
  ran,
}: MigrationState & { readonly ran: readonly string[] }): string {
  return [
    ...applied.map((name) => `${ran.includes(name) ? 'applied now' : 'applied    '}  ${name}`),
    ...pending.map((name) => `pending      ${name}`),
    ...unknown.map((name) => `NOT KNOWN    ${name}: a newer version of Calcidisc wrote it`),
  ].join('\n');
}
