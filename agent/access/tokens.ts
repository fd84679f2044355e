import type { Tx } from '../../db/server/knex.js';
import { type ApiTokenRow, insertApiToken, revokeApiToken } from '../../db/tables/apiTokens.js';
import { appendAudit } from '../../db/tables/audit.js';
import type { TokenRole } from '../domain/access.js';
import { CalcidiscError } from '../domain/errors.js';
import { parseName } from './accounts.js';
import { newSecret, TOKEN_PREFIX } from './secrets.js';

const DAY_MS = 24 * 3_600_000;
export const LONGEST_TOKEN_DAYS = 3_650;

export interface NewToken {
  readonly name: string;
  readonly role: TokenRole;
  readonly days: number;
  readonly actor: string;
}

/** @returns with the token's text, which is told once and kept nowhere. @throws CalcidiscError ACCOUNT_REFUSED */
export function addToken(
  tx: Tx,
  { name: given, role, days, actor }: NewToken,
): Promise<{ readonly row: ApiTokenRow; readonly text: string }> {
  const name = parseName(given);
  if (!(days >= 1 && days <= LONGEST_TOKEN_DAYS))
    throw new CalcidiscError('ACCOUNT_REFUSED', `a token lives 1 to ${LONGEST_TOKEN_DAYS} days`);
  const { text, hash } = newSecret(TOKEN_PREFIX);
  const expiresAt = new Date(Date.now() + days * DAY_MS);
  return tx.transaction(async (trx) => {
    const row = await insertApiToken(trx, { name, role, expiresAt, tokenHash: hash, createdBy: actor });
    if (!row)
      throw new CalcidiscError(
        'ACCOUNT_REFUSED',
        `there is, or was, a token ${name}: choose another name, so that the trail tells them apart`,
      );
    await appendAudit(trx, {
      event: 'TOKEN_ADDED',
      subjectType: 'token',
      subjectId: name,
      actor,
      detail: { role, until: expiresAt },
    });
    return { row, text };
  });
}

/** From now on. @throws CalcidiscError ACCOUNT_UNKNOWN */
export function revokeToken(tx: Tx, name: string, actor: string): Promise<ApiTokenRow> {
  return tx.transaction(async (trx) => {
    const row = await revokeApiToken(trx, name);
    if (!row) throw new CalcidiscError('ACCOUNT_UNKNOWN', `there is no token ${name} in force`);
    await appendAudit(trx, { event: 'TOKEN_REVOKED', subjectType: 'token', subjectId: name, actor });
    return row;
  });
}
