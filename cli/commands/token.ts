import { type Command, InvalidArgumentError, Option } from 'commander';
import { addToken, LONGEST_TOKEN_DAYS, revokeToken } from '../../agent/access/tokens.js';
import { ROLES, TOKEN_ROLES, type TokenRole } from '../../agent/domain/access.js';
import { listApiTokens } from '../../db/tables/apiTokens.js';
import { commandActor } from '../actor.js';
import { withDatabase } from '../database.js';
import { asTable } from '../demo/table.js';

interface Json {
  readonly json?: boolean;
}

export function register(program: Command): void {
  const token = program
    .command('token')
    .description('tokens by which programs read the JSON of the page (docs/access.md)')
    .addHelpText(
      'after',
      `\n${TOKEN_ROLES.map((role) => `  ${role.padEnd(13)}  ${ROLES[role].words}`).join('\n')}\n
Example:
  $ calcidisc token add warehouse --role viewer --days 90
  $ curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/api/cases
  $ calcidisc token revoke warehouse`,
    );
  token
    .command('add <name>')
    .description('adds a token and prints it: this once, it is kept as a hash')
    .addOption(
      new Option('--role <role>', 'what the program may do').choices([...TOKEN_ROLES]).makeOptionMandatory(),
    )
    .option('--days <n>', `how long it is good, ${LONGEST_TOKEN_DAYS} at most`, parseDays, 365)
    .option('--json', 'one JSON document: {name, role, token, expiresAt}')
    .action(add);
  token
    .command('list')
    .description('all tokens, without what they are')
    .option('--json', 'one JSON document: [{name, role, state, expiresAt, lastUsedAt, createdAt, createdBy}]')
    .action(list);
  token
    .command('revoke <name>')
    .description('ends a token, at once')
    .option('--json', 'one JSON document: {name, state}')
    .action(revoke);
}

function parseDays(text: string): number {
  const days = Number(text);
  if (Number.isInteger(days) && days >= 1 && days <= LONGEST_TOKEN_DAYS) return days;
  throw new InvalidArgumentError(`a whole number from 1 to ${LONGEST_TOKEN_DAYS}`);
}

interface AddOptions extends Json {
  readonly role: TokenRole;
  readonly days: number;
}

async function add(name: string, { role, days, json }: AddOptions, command: Command): Promise<void> {
  await withDatabase(
    command,
    async ({ database: { knex } }) => {
      const { row, text } = await addToken(knex, { name, role, days, actor: commandActor() });
      const { expiresAt } = row;
      if (json) return console.log(JSON.stringify({ name: row.name, role, token: text, expiresAt }));
      // The token alone on standard output, so that it can go straight to where it is needed.
      console.error(
        `The token ${row.name} (${role}) is good until ${day(expiresAt)}. It is shown this once:`,
      );
      console.log(text);
    },
    { schema: 'upgrade', makes: true },
  );
}

async function list({ json }: Json, command: Command): Promise<void> {
  await withDatabase(command, async ({ database: { knex } }) => {
    const rows = (await listApiTokens(knex)).map(
      ({ name, role, expiresAt, revokedAt, lastUsedAt, createdAt, createdBy }) => {
        const state = revokedAt ? 'revoked' : expiresAt < new Date() ? 'expired' : 'good';
        return { name, role, state, expiresAt, lastUsedAt, createdAt, createdBy };
      },
    );
    if (json) return console.log(JSON.stringify(rows));
    if (rows.length === 0) return console.log('There is no token.');
    const heads = ['name', 'role', 'state', 'until', 'last used', 'made by'];
    const cells = rows.map((row) => [
      row.name,
      row.role,
      row.state,
      day(row.expiresAt),
      row.lastUsedAt ? day(row.lastUsedAt) : '–',
      row.createdBy,
    ]);
    console.log(asTable(heads, cells));
  });
}

async function revoke(name: string, { json }: Json, command: Command): Promise<void> {
  await withDatabase(command, async ({ database: { knex } }) => {
    const row = await revokeToken(knex, name, commandActor());
    console.log(json ? JSON.stringify({ name: row.name, state: 'revoked' }) : `${row.name} is revoked.`);
  });
}

function day(at: Date): string {
  return at.toISOString().slice(0, 10);
}
