import { randomUUID } from 'node:crypto';
import type { Role } from '../../agent/domain/access.js';
import type { Tx } from '../server/knex.js';

export interface AccountRow {
  readonly id: string;
  /** Lower case; as the trail names the person. */
  readonly name: string;
  readonly role: Role;
  /** 'oidc': logged in by an OpenID Connect provider, which gives the role with every log-in. */
  readonly source: 'local' | 'oidc';
  readonly issuer: string | null;
  readonly subject: string | null;
  /** Null until its owner has chosen a password. */
  readonly passwordHash: string | null;
  readonly disabledAt: Date | null;
  readonly lastLoginAt: Date | null;
  readonly createdAt: Date;
  readonly createdBy: string;
}

export type NewAccount = Pick<AccountRow, 'name' | 'role' | 'source' | 'createdBy'> &
  Partial<Pick<AccountRow, 'issuer' | 'subject' | 'passwordHash'>>;

/** @returns null when the name is taken */
export async function insertAccount(trx: Tx, account: NewAccount): Promise<AccountRow | null> {
  const [row] = await trx('account')
    .insert({ ...account, id: randomUUID() })
    .onConflict('name')
    .ignore()
    .returning('*');
  return row ?? null;
}

export async function findAccount(tx: Tx, id: string): Promise<AccountRow | null> {
  return (await tx('account').where({ id }).first('*')) ?? null;
}

export async function findAccountByName(tx: Tx, name: string): Promise<AccountRow | null> {
  return (await tx('account').where({ name }).first('*')) ?? null;
}

export async function findAccountBySubject(
  tx: Tx,
  issuer: string,
  subject: string,
): Promise<AccountRow | null> {
  return (await tx('account').where({ source: 'oidc', issuer, subject }).first('*')) ?? null;
}

export function listAccounts(tx: Tx): Promise<AccountRow[]> {
  return tx('account').orderBy('name').select('*');
}

/** Whether the page has ever had an owner: from then on it asks everybody who they are. */
export async function hasAccounts(tx: Tx): Promise<boolean> {
  return (await tx('account').first('id')) !== undefined;
}

export type AccountChange = Partial<
  Pick<AccountRow, 'role' | 'passwordHash' | 'disabledAt' | 'lastLoginAt' | 'name'>
>;

export async function updateAccount(trx: Tx, id: string, change: AccountChange): Promise<void> {
  await trx('account').where({ id }).update(change);
}

/** Administrators who could still log in, all rows locked: two who close each other's account must not both succeed. */
export async function lockAdministrators(trx: Tx): Promise<string[]> {
  const rows: AccountRow[] = await trx('account').orderBy('id').forUpdate().select('*');
  return rows
    .filter(({ role, disabledAt }) => role === 'administrator' && disabledAt === null)
    .map(({ id }) => id);
}
