import type { Tx } from '../../db/server/knex.js';
import { deleteSessionsOf } from '../../db/tables/accessSessions.js';
import { type AccountRow, updateAccount } from '../../db/tables/accounts.js';
import { appendAudit } from '../../db/tables/audit.js';
import { CalcidiscError } from '../domain/errors.js';
import { createAccount, parseName } from './accounts.js';
import { readLink, useLink } from './links.js';
import { noteLogin } from './logIn.js';
import { hashPassword, refuseWeakPassword } from './passwords.js';

export interface Chosen {
  readonly token: string;
  /** Of the first administrator; an account that is there keeps its own. */
  readonly name: string;
  readonly password: string;
  readonly repeated: string;
  /** Where it is done. */
  readonly address: string;
}

/**
 * The end of a one-time link: its password is set, the first administrator made, and whoever did it is logged in. A
 * password that is refused does not use the link up.
 * @throws CalcidiscError LINK_INVALID, ACCOUNT_REFUSED
 */
export async function finishSetUp(tx: Tx, chosen: Chosen): Promise<AccountRow> {
  const { account: before } = await readLink(tx, chosen.token);
  const name = before?.name ?? parseName(chosen.name);
  if (chosen.password !== chosen.repeated)
    throw new CalcidiscError('ACCOUNT_REFUSED', 'the two passwords differ');
  refuseWeakPassword(chosen.password, name);
  const passwordHash = await hashPassword(chosen.password);
  return tx.transaction(async (trx) => {
    const { purpose, account } = await useLink(trx, chosen.token);
    if (purpose === 'log-in') throw new CalcidiscError('LINK_INVALID', 'This link is not for a password');
    const actor = `user:${name}`;
    const done = account
      ? await choosePassword(trx, account, passwordHash)
      : await createAccount(trx, { name, role: 'administrator', actor, passwordHash });
    await noteLogin(trx, done, { by: 'link', from: chosen.address });
    return done;
  });
}

/** Who holds the link of the demo is its viewer. @throws CalcidiscError LINK_INVALID */
export function logInByLink(tx: Tx, token: string, address: string): Promise<AccountRow> {
  return tx.transaction(async (trx) => {
    const { purpose, account } = await useLink(trx, token);
    if (purpose !== 'log-in' || !account)
      throw new CalcidiscError('LINK_INVALID', 'This link does not log anybody in');
    await noteLogin(trx, account, { by: 'link', from: address });
    return account;
  });
}

async function choosePassword(trx: Tx, account: AccountRow, passwordHash: string): Promise<AccountRow> {
  await updateAccount(trx, account.id, { passwordHash });
  await deleteSessionsOf(trx, account.id);
  await appendAudit(trx, {
    event: 'ACCOUNT_CHANGED',
    subjectType: 'account',
    subjectId: account.name,
    actor: `user:${account.name}`,
    detail: { password: 'chosen by a one-time link' },
  });
  return account;
}
