import type { Tx } from '../../db/server/knex.js';
import {
  type AccessLinkRow,
  findAccessLink,
  replaceAccessLink,
  takeAccessLink,
} from '../../db/tables/accessLinks.js';
import { type AccountRow, findAccount, hasAccounts } from '../../db/tables/accounts.js';
import { appendAudit } from '../../db/tables/audit.js';
import { CalcidiscError } from '../domain/errors.js';
import { sha256 } from '../domain/hash.js';
import { newSecret } from './secrets.js';

const HOUR_MS = 3_600_000;

/** How long each is good for, and where it leads. */
const PURPOSES = {
  first: { lifeMs: 24 * HOUR_MS, path: '/set-up' },
  password: { lifeMs: 72 * HOUR_MS, path: '/set-up' },
  'log-in': { lifeMs: 24 * HOUR_MS, path: '/once' },
} as const satisfies Record<AccessLinkRow['purpose'], { lifeMs: number; path: string }>;

export interface OneTimeLink {
  /** Below the page's address; the token is a parameter, which no log has. */
  readonly path: string;
  readonly expiresAt: Date;
}

interface LinkWanted {
  readonly purpose: 'password' | 'log-in';
  readonly account: AccountRow;
  readonly actor: string;
}

/**
 * A link for one account; one made before for the same purpose is void.
 * @throws CalcidiscError ACCOUNT_REFUSED for a password of somebody who has none here
 */
export async function makeLink(tx: Tx, { purpose, account, actor }: LinkWanted): Promise<OneTimeLink> {
  if (account.source !== 'local' || account.disabledAt)
    throw new CalcidiscError(
      'ACCOUNT_REFUSED',
      account.disabledAt
        ? `${account.name} is closed: open the account first`
        : `${account.name} logs in by OpenID Connect and needs no link`,
    );
  return tx.transaction(async (trx) => {
    const link = await writeLink(trx, purpose, account.id);
    await appendAudit(trx, {
      event: 'LINK_MADE',
      subjectType: 'account',
      subjectId: account.name,
      actor,
      detail: { purpose, until: link.expiresAt },
    });
    return link;
  });
}

/** The way in for a page that has no owner yet; null when it has one. */
export async function makeFirstLink(tx: Tx): Promise<OneTimeLink | null> {
  if (await hasAccounts(tx)) return null;
  return tx.transaction((trx) => writeLink(trx, 'first', null));
}

async function writeLink(
  trx: Tx,
  purpose: AccessLinkRow['purpose'],
  accountId: string | null,
): Promise<OneTimeLink> {
  const { lifeMs, path } = PURPOSES[purpose];
  const { text, hash } = newSecret();
  const expiresAt = new Date(Date.now() + lifeMs);
  await replaceAccessLink(trx, { tokenHash: hash, purpose, accountId, expiresAt });
  return { path: `${path}?token=${text}`, expiresAt };
}

/** What a link is for, and whose: 'first' is nobody's yet. */
export interface OpenedLink {
  readonly purpose: AccessLinkRow['purpose'];
  readonly account: AccountRow | null;
}

/** Looked at, and good still. @throws CalcidiscError LINK_INVALID */
export async function readLink(tx: Tx, token: string): Promise<OpenedLink> {
  return opened(tx, await findAccessLink(tx, sha256(token)));
}

/** Used up. @throws CalcidiscError LINK_INVALID */
export async function useLink(trx: Tx, token: string): Promise<OpenedLink> {
  return opened(trx, await takeAccessLink(trx, sha256(token)));
}

async function opened(tx: Tx, row: AccessLinkRow | null): Promise<OpenedLink> {
  const account = row?.accountId ? await findAccount(tx, row.accountId) : null;
  const isStale = row?.purpose === 'first' ? await hasAccounts(tx) : !account || account.disabledAt !== null;
  if (!row || isStale)
    throw new CalcidiscError(
      'LINK_INVALID',
      'This link was used already, or has expired. An administrator makes a new one: `calcidisc user link NAME`, or ' +
        '`calcidisc user link` where there is no account yet',
    );
  return { purpose: row.purpose, account };
}
