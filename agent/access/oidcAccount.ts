import type { Tx } from '../../db/server/knex.js';
import {
  type AccountRow,
  findAccountBySubject,
  insertAccount,
  updateAccount,
} from '../../db/tables/accounts.js';
import { appendAudit } from '../../db/tables/audit.js';
import type { Role } from '../domain/access.js';
import { CalcidiscError } from '../domain/errors.js';
import { parseName } from './accounts.js';
import { noteLogin } from './logIn.js';
import type { Identity } from './oidc.js';

/**
 * The account of whom the provider vouches for, made at the first log-in; its role is what the provider says today.
 * @throws CalcidiscError ACCOUNT_REFUSED, and the refusal is on the trail
 */
export async function logInByOidc(tx: Tx, identity: Identity, address: string): Promise<AccountRow> {
  try {
    return await tx.transaction(async (trx) => {
      const account = await accountOf(trx, identity);
      await noteLogin(trx, account, { by: 'oidc', from: address });
      return account;
    });
  } catch (error) {
    if (error instanceof CalcidiscError)
      await appendAudit(tx, {
        event: 'LOGIN_FAILED',
        subjectType: 'account',
        subjectId: identity.name,
        actor: `http:${address}`,
        detail: { by: 'oidc', reason: error.message },
      });
    throw error;
  }
}

async function accountOf(trx: Tx, identity: Identity): Promise<AccountRow> {
  const { issuer, subject, role } = identity;
  const known = await findAccountBySubject(trx, issuer, subject);
  if (!role)
    throw new CalcidiscError(
      'ACCOUNT_REFUSED',
      `${identity.name} has no role here: the administrator of ${issuer} gives one (http.oidc.roles)`,
    );
  if (known?.disabledAt)
    throw new CalcidiscError('ACCOUNT_REFUSED', `the account ${known.name} is closed here`);
  if (!known) return newAccount(trx, { ...identity, role });
  if (known.role === role) return known;
  await updateAccount(trx, known.id, { role });
  await note(trx, 'ACCOUNT_CHANGED', known.name, issuer, { role, was: known.role });
  return { ...known, role };
}

async function newAccount(trx: Tx, identity: Identity & { readonly role: Role }): Promise<AccountRow> {
  const { issuer, subject, role } = identity;
  const name = parseName(identity.name);
  const by = { createdBy: `oidc:${issuer}` };
  const account = await insertAccount(trx, { name, role, source: 'oidc', issuer, subject, ...by });
  // Somebody who may choose a name elsewhere must not become somebody else here.
  if (!account)
    throw new CalcidiscError(
      'ACCOUNT_REFUSED',
      `another account is called ${name} already: two people need two names, on the trail too (http.oidc.nameClaim)`,
    );
  await note(trx, 'ACCOUNT_ADDED', name, issuer, { role });
  return account;
}

function note(
  trx: Tx,
  event: 'ACCOUNT_ADDED' | 'ACCOUNT_CHANGED',
  name: string,
  issuer: string,
  detail: Readonly<Record<string, unknown>>,
): Promise<void> {
  return appendAudit(trx, {
    event,
    subjectType: 'account',
    subjectId: name,
    actor: `oidc:${issuer}`,
    detail,
  });
}
