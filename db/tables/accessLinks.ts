import type { Tx } from '../server/knex.js';

/** A link that is good once; kept by the SHA-256 of the token in it. */
export interface AccessLinkRow {
  readonly tokenHash: string;
  /** 'first': makes the first administrator; 'password': its account's owner chooses one; 'log-in': of the demo. */
  readonly purpose: 'first' | 'password' | 'log-in';
  /** Null for 'first'. */
  readonly accountId: string | null;
  readonly expiresAt: Date;
}

/** The newest one for a purpose and an account is the only one. */
export async function replaceAccessLink(trx: Tx, link: AccessLinkRow): Promise<void> {
  const { purpose, accountId } = link;
  await trx('accessLink').where({ purpose, accountId }).orWhere('expiresAt', '<=', trx.fn.now()).delete();
  await trx('accessLink').insert(link);
}

/** Null when it was used, has expired or never was. */
export async function findAccessLink(tx: Tx, tokenHash: string): Promise<AccessLinkRow | null> {
  const row = await tx('accessLink').where({ tokenHash }).where('expiresAt', '>', tx.fn.now()).first('*');
  return row ?? null;
}

/** Takes it out of the world: of two who come with the same link, one is given it. */
export async function takeAccessLink(trx: Tx, tokenHash: string): Promise<AccessLinkRow | null> {
  const [row] = await trx('accessLink')
    .where({ tokenHash })
    .where('expiresAt', '>', trx.fn.now())
    .delete()
    .returning('*');
  return row ?? null;
}
