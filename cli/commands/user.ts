import { createInterface } from 'node:readline';
import { type Command, Option } from 'commander';
import { accountNamed, addAccount, changeAccount, createAccount } from '../../agent/access/accounts.js';
import { makeFirstLink, makeLink, type OneTimeLink } from '../../agent/access/links.js';
import { hashPassword, refuseWeakPassword } from '../../agent/access/passwords.js';
import { ROLES, type Role } from '../../agent/domain/access.js';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { ACCOUNT_ROLES } from '../../config/http.js';
import { type AccountRow, listAccounts } from '../../db/tables/accounts.js';
import { commandActor } from '../actor.js';
import { pageAddress } from '../address.js';
import { type OpenedDatabase, withDatabase } from '../database.js';
import { asTable } from '../demo/table.js';

interface Json {
  readonly json?: boolean;
}

export function register(program: Command): void {
  const user = program
    .command('user')
    .description('accounts of the page: who may log in, and as what (docs/access.md)')
    .addHelpText(
      'after',
      `\n${roleLines()}\n\nNobody's password passes through here: a link is printed, good once.\n${EXAMPLES}`,
    );
  user
    .command('add <name>')
    .description('adds an account and prints the link by which its owner chooses a password')
    .addOption(roleOption())
    .option(
      '--password-stdin',
      'take the password from the first line of standard input instead, and print no link',
    )
    .option('--json', 'one JSON document: {name, role, link, expiresAt}')
    .action(add);
  user
    .command('list')
    .description('all accounts')
    .option('--json', 'one JSON document: [{name, role, source, state, lastLoginAt, createdAt, createdBy}]')
    .action(list);
  user
    .command('role <name> <role>')
    .description('another role, at once')
    .option('--json', 'one JSON document: {name, role}')
    .action(changeRole);
  user
    .command('close <name>')
    .description('closes an account and logs it out; the trail keeps its name')
    .option('--json', 'one JSON document: {name, state}')
    .action((name: string, options: Json, command) => close(name, true, options, command));
  user
    .command('open <name>')
    .description('opens a closed account again')
    .option('--json', 'one JSON document: {name, state}')
    .action((name: string, options: Json, command) => close(name, false, options, command));
  user
    .command('link [name]')
    .description('a new link for a forgotten password; without a name: for the first administrator')
    .option('--json', 'one JSON document: {link, expiresAt}')
    .action(link);
}

const EXAMPLES = `
Example:
  $ calcidisc user add anna --role radiologist
  $ calcidisc user link anna                      # she has forgotten her password
  $ calcidisc user close anna`;

function roleLines(): string {
  const width = Math.max(...ACCOUNT_ROLES.map(({ length }) => length));
  return ACCOUNT_ROLES.map((role) => `  ${role.padEnd(width)}  ${ROLES[role].words}`).join('\n');
}

function roleOption(): Option {
  return new Option('--role <role>', 'what the person may do')
    .choices([...ACCOUNT_ROLES])
    .makeOptionMandatory();
}

interface AddOptions extends Json {
  readonly role: Role;
  readonly passwordStdin?: boolean;
}

async function add(name: string, { role, passwordStdin, json }: AddOptions, command: Command): Promise<void> {
  const password = passwordStdin ? await firstLine() : null;
  if (password !== null) refuseWeakPassword(password, name);
  await withUsers(command, async ({ config, database: { knex } }) => {
    const person = { name, role, actor: commandActor() };
    const { account, link: made } =
      password === null
        ? await addAccount(knex, person)
        : {
            account: await createAccount(knex, { ...person, passwordHash: await hashPassword(password) }),
            link: null,
          };
    if (json) return print({ name: account.name, role, ...linkView(config, made) });
    console.log(`${account.name} is ${role} now.`);
    if (made) printLink(config, made, 'The password is chosen at');
  });
}

async function list({ json }: Json, command: Command): Promise<void> {
  await withUsers(command, async ({ database: { knex } }) => {
    const rows = (await listAccounts(knex)).map(viewOf);
    if (json) return print(rows);
    if (rows.length === 0) return console.log('Nobody has an account yet: calcidisc user link');
    const heads = ['name', 'role', 'source', 'state', 'last log-in'];
    console.log(
      asTable(
        heads,
        rows.map((row) => [row.name, row.role, row.source, row.state, at(row.lastLoginAt)]),
      ),
    );
  });
}

function viewOf({
  name,
  role,
  source,
  passwordHash,
  disabledAt,
  lastLoginAt,
  createdAt,
  createdBy,
}: AccountRow) {
  const state = disabledAt ? 'closed' : source === 'local' && !passwordHash ? 'no password yet' : 'open';
  return { name, role, source, state, lastLoginAt, createdAt, createdBy };
}

async function changeRole(name: string, role: string, { json }: Json, command: Command): Promise<void> {
  const wanted = ACCOUNT_ROLES.find((each) => each === role);
  if (!wanted) throw new CalcidiscError('ACCOUNT_REFUSED', `a role is one of ${ACCOUNT_ROLES.join(', ')}`);
  await withUsers(command, async ({ database: { knex } }) => {
    const account = await accountNamed(knex, name);
    await changeAccount(knex, account, { role: wanted }, commandActor());
    if (json) return print({ name: account.name, role: wanted });
    console.log(`${account.name} is ${wanted} now; it was ${account.role}.`);
  });
}

async function close(name: string, isClosed: boolean, { json }: Json, command: Command): Promise<void> {
  await withUsers(command, async ({ database: { knex } }) => {
    const account = await accountNamed(knex, name);
    await changeAccount(knex, account, { isClosed }, commandActor());
    const state = isClosed ? 'closed' : 'open';
    if (json) return print({ name: account.name, state });
    console.log(`${account.name} is ${state}.`);
  });
}

async function link(name: string | undefined, { json }: Json, command: Command): Promise<void> {
  await withUsers(command, async ({ config, database: { knex } }) => {
    const made = name
      ? await makeLink(knex, {
          purpose: 'password',
          account: await accountNamed(knex, name),
          actor: commandActor(),
        })
      : await makeFirstLink(knex);
    if (!made)
      throw new CalcidiscError(
        'ACCOUNT_REFUSED',
        'there are accounts already: say whose link it is (calcidisc user list)',
      );
    if (json) return print(linkView(config, made));
    printLink(config, made, name ? 'A new password is chosen at' : 'The first administrator is made at');
  });
}

type LinkConfig = OpenedDatabase['config'];

function linkView(config: LinkConfig, made: OneTimeLink | null) {
  return made && { link: `${pageAddress(config)}${made.path}`, expiresAt: made.expiresAt };
}

function printLink(config: LinkConfig, made: OneTimeLink, words: string): void {
  console.log(
    `${words} ${pageAddress(config)}${made.path}\nIt is good once, until ${at(made.expiresAt)} UTC.`,
  );
}

function at(moment: Date | null): string {
  return moment ? moment.toISOString().slice(0, 16).replace('T', ' ') : '–';
}

function print(answer: unknown): void {
  console.log(JSON.stringify(answer));
}

async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line;
  throw new CalcidiscError('ACCOUNT_REFUSED', 'standard input has no password');
}

function withUsers(command: Command, use: (opened: OpenedDatabase) => Promise<void>): Promise<void> {
  return withDatabase(command, use, { schema: 'upgrade', makes: true });
}
