import type { Tx } from '../../db/server/knex.js';
import { type AccountRow, findAccountByName, updateAccount } from '../../db/tables/accounts.js';
import { appendAudit } from '../../db/tables/audit.js';
import {
  clearFailures,
  deleteOldFailures,
  type FailureKey,
  type FailureRow,
  lockFailures,
  saveFailure,
} from '../../db/tables/loginFailures.js';
import { sha256 } from '../domain/hash.js';
import { counted, FORGOTTEN_MS } from './lockout.js';
import { accountName, isPassword } from './passwords.js';

export interface Attempt {
  readonly name: string;
  readonly password: string;
  /** Where it comes from. */
  readonly address: string;
}

/** Why nobody is told more: which names exist, and whether a password was right while locked, is not for strangers. */
export type LogInOutcome =
  | { readonly ok: true; readonly account: AccountRow }
  | { readonly ok: false; readonly why: 'wrong' }
  | { readonly ok: false; readonly why: 'locked'; readonly waitMs: number };

/**
 * One try by name and password. It is counted as failed before the password is looked at, and the count taken back when it
 * was right: tries that come together cannot all be the first.
 */
export async function logIn(tx: Tx, attempt: Attempt): Promise<LogInOutcome> {
  const name = accountName(attempt.name);
  const keys = keysOf(name, attempt.address);
  const taken = await tx.transaction((trx) => countTry(trx, keys));
  if ('waitMs' in taken) return { ok: false, why: 'locked', waitMs: taken.waitMs };
  const account = await findAccountByName(tx, name);
  const isRight = await isPassword(account?.passwordHash ?? null, attempt.password);
  if (!account || !isRight || account.disabledAt) {
    await tx.transaction((trx) => noteFailure(trx, account, attempt.address, taken.rows));
    return { ok: false, why: 'wrong' };
  }
  await tx.transaction((trx) => noteSuccess(trx, account, attempt.address, keys));
  return { ok: true, account };
}

/** In one order always. */
function keysOf(name: string, address: string): readonly FailureKey[] {
  return [
    { kind: 'address', subjectHash: sha256(address) },
    { kind: 'account', subjectHash: sha256(name) },
    { kind: 'pair', subjectHash: sha256(JSON.stringify([name, address])) },
  ];
}

async function countTry(
  trx: Tx,
  keys: readonly FailureKey[],
): Promise<{ readonly waitMs: number } | { readonly rows: readonly FailureRow[] }> {
  await deleteOldFailures(trx, new Date(Date.now() - FORGOTTEN_MS));
  const rows = await lockFailures(trx, keys);
  // Only now: a try that waited for another's would take the moment of that one for a lock.
  const now = new Date();
  const waitMs = Math.max(...rows.map(({ lockedUntil }) => lockedUntil.getTime() - now.getTime()));
  if (waitMs > 0) return { waitMs };
  const after = rows.map((row) => counted(row, now));
  for (const row of after) await saveFailure(trx, row);
  return { rows: after };
}

/** What was typed as a name and is none may be a password: it is not written down. */
async function noteFailure(
  trx: Tx,
  account: AccountRow | null,
  address: string,
  rows: readonly FailureRow[],
): Promise<void> {
  const about = {
    subjectType: 'account',
    subjectId: account?.name ?? 'unknown',
    actor: `http:${address}`,
  };
  const detail = { by: 'password', ...(account?.disabledAt && { reason: 'the account is closed' }) };
  await appendAudit(trx, { ...about, event: 'LOGIN_FAILED', detail });
  for (const { kind, failures, lastAt, lockedUntil } of rows) {
    const minutes = Math.round((lockedUntil.getTime() - lastAt.getTime()) / 60_000);
    if (minutes > 0)
      await appendAudit(trx, { ...about, event: 'LOGIN_LOCKED', detail: { kind, failures, minutes } });
  }
}

/** The address keeps what it has failed at other accounts: one good password is no licence to guess on. */
async function noteSuccess(
  trx: Tx,
  account: AccountRow,
  address: string,
  [ofAddress, ofAccount, ofPair]: readonly FailureKey[],
): Promise<void> {
  const [row] = await lockFailures(trx, [ofAddress!]);
  const failures = Math.max(0, row!.failures - 1);
  await saveFailure(trx, { ...row!, failures, lockedUntil: new Date() });
  await clearFailures(trx, [ofAccount!, ofPair!]);
  await noteLogin(trx, account, { by: 'password', from: address });
}

export interface LoginDetail {
  readonly by: 'password' | 'link' | 'oidc';
  readonly from: string;
}

export async function noteLogin(trx: Tx, account: AccountRow, detail: LoginDetail): Promise<void> {
  await updateAccount(trx, account.id, { lastLoginAt: new Date() });
  await appendAudit(trx, {
    event: 'LOGIN',
    subjectType: 'account',
    subjectId: account.name,
    actor: `user:${account.name}`,
    detail: { ...detail, role: account.role },
  });
}
