import type { Tx } from '../../db/server/knex.js';
import { deleteSessionsOf } from '../../db/tables/accessSessions.js';
import {
  type AccountChange,
  type AccountRow,
  findAccountByName,
  insertAccount,
  lockAdministrators,
  updateAccount,
} from '../../db/tables/accounts.js';
import { appendAudit } from '../../db/tables/audit.js';
import type { Role } from '../domain/access.js';
import { CalcidiscError } from '../domain/errors.js';
import { makeLink, type OneTimeLink } from './links.js';
import { accountName, hashPassword, refuseWeakPassword } from './passwords.js';

/** Letters and digits of any script, and what addresses of mail are made of: it stands on the trail and in logs. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._@+-]{0,63}$/u;

export interface NewPerson {
  readonly name: string;
  readonly role: Role;
  readonly actor: string;
}

/** An account without a password, and the link by which its owner chooses one. @throws CalcidiscError ACCOUNT_REFUSED */
export function addAccount(
  tx: Tx,
  { name, role, actor }: NewPerson,
): Promise<{ readonly account: AccountRow; readonly link: OneTimeLink }> {
  return tx.transaction(async (trx) => {
    const account = await createAccount(trx, { name, role, actor, passwordHash: null });
    return { account, link: await makeLink(trx, { purpose: 'password', account, actor }) };
  });
}

/** @throws CalcidiscError ACCOUNT_REFUSED */
export async function createAccount(
  trx: Tx,
  { name, role, actor, passwordHash }: NewPerson & { readonly passwordHash: string | null },
): Promise<AccountRow> {
  const values = { name: parseName(name), role, source: 'local', createdBy: actor, passwordHash } as const;
  const account = await insertAccount(trx, values);
  if (!account)
    throw new CalcidiscError(
      'ACCOUNT_REFUSED',
      `there is an account ${values.name} already: choose another name, or open that one again`,
    );
  await noteAccount(trx, account, actor, 'ACCOUNT_ADDED', { role });
  return account;
}

/** @throws CalcidiscError ACCOUNT_REFUSED */
export function parseName(text: string): string {
  const name = accountName(text);
  if (NAME.test(name)) return name;
  throw new CalcidiscError(
    'ACCOUNT_REFUSED',
    'a name has 1 to 64 letters, digits and . _ @ + -, and begins with a letter or a digit',
  );
}

/** @throws CalcidiscError ACCOUNT_UNKNOWN */
export async function accountNamed(tx: Tx, text: string): Promise<AccountRow> {
  const account = await findAccountByName(tx, accountName(text));
  if (account) return account;
  throw new CalcidiscError('ACCOUNT_UNKNOWN', `there is no account ${accountName(text)}`);
}

export type PersonChange = { readonly role: Role } | { readonly isClosed: boolean };

/**
 * Another role, closed or opened again; at once, also for who is logged in. The last administrator stays one.
 * @throws CalcidiscError ACCOUNT_REFUSED
 */
export function changeAccount(
  tx: Tx,
  account: AccountRow,
  change: PersonChange,
  actor: string,
): Promise<void> {
  return tx.transaction(async (trx) => {
    const left = (await lockAdministrators(trx)).filter((id) => id !== account.id);
    const staysOne = 'role' in change ? change.role === 'administrator' : !change.isClosed;
    if (!staysOne && account.role === 'administrator' && left.length === 0)
      throw new CalcidiscError(
        'ACCOUNT_REFUSED',
        `${account.name} is the last administrator: make another one first`,
      );
    if ('role' in change && account.source === 'oidc')
      throw new CalcidiscError(
        'ACCOUNT_REFUSED',
        `${account.name} has the role from the OpenID Connect provider: change it there`,
      );
    const columns: AccountChange =
      'role' in change ? { role: change.role } : { disabledAt: change.isClosed ? new Date() : null };
    await updateAccount(trx, account.id, columns);
    if ('isClosed' in change && change.isClosed) await deleteSessionsOf(trx, account.id);
    const detail = 'role' in change ? { role: change.role, was: account.role } : { closed: change.isClosed };
    await noteAccount(trx, account, actor, 'ACCOUNT_CHANGED', detail);
  });
}

/** Its sessions end with the old password. @throws CalcidiscError ACCOUNT_REFUSED when the password is weak */
export async function setPassword(
  tx: Tx,
  account: AccountRow,
  password: string,
  actor: string,
): Promise<void> {
  if (account.source !== 'local')
    throw new CalcidiscError(
      'ACCOUNT_REFUSED',
      `${account.name} logs in by OpenID Connect and has no password here`,
    );
  refuseWeakPassword(password, account.name);
  const passwordHash = await hashPassword(password);
  await tx.transaction(async (trx) => {
    await updateAccount(trx, account.id, { passwordHash });
    await deleteSessionsOf(trx, account.id);
    await noteAccount(trx, account, actor, 'ACCOUNT_CHANGED', { password: 'changed' });
  });
}

async function noteAccount(
  trx: Tx,
  { name }: AccountRow,
  actor: string,
  event: 'ACCOUNT_ADDED' | 'ACCOUNT_CHANGED',
  detail: Readonly<Record<string, unknown>>,
): Promise<void> {
  await appendAudit(trx, { event, subjectType: 'account', subjectId: name, actor, detail });
}
