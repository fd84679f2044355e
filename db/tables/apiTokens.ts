import { randomUUID } from 'node:crypto';
import type { TokenRole } from '../../agent/domain/access.js';
import type { Tx } from '../server/knex.js';

/** What a program shows instead of a person's log-in. */
export interface ApiTokenRow {
  readonly id: string;
  readonly name: string;
  readonly tokenHash: string;
  readonly role: TokenRole;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly createdAt: Date;
  readonly createdBy: string;
}

export type NewApiToken = Pick<ApiTokenRow, 'name' | 'tokenHash' | 'role' | 'expiresAt' | 'createdBy'>;

/** @returns null when the name is taken, by one that was revoked too: the trail knows tokens by their names */
export async function insertApiToken(trx: Tx, token: NewApiToken): Promise<ApiTokenRow | null> {
  const [row] = await trx('apiToken')
    .insert({ ...token, id: randomUUID() })
    .onConflict('name')
    .ignore()
    .returning('*');
  return row ?? null;
}

/** One that is in force, noted as used now (to the minute: a busy program need not write with every request). */
export async function useApiToken(tx: Tx, tokenHash: string): Promise<ApiTokenRow | null> {
  const row: ApiTokenRow | undefined = await tx('apiToken')
    .where({ tokenHash })
    .whereNull('revokedAt')
    .where('expiresAt', '>', tx.fn.now())
    .first('*');
  if (!row) return null;
  await tx('apiToken')
    .where({ id: row.id })
    .whereRaw("coalesce(last_used_at, '-infinity') < now() - interval '1 minute'")
    .update({ lastUsedAt: tx.fn.now() });
  return row;
}

export function listApiTokens(tx: Tx): Promise<ApiTokenRow[]> {
  return tx('apiToken').orderBy('name').select('*');
}

/** @returns null when there is none of that name, or it was revoked already */
export async function revokeApiToken(trx: Tx, name: string): Promise<ApiTokenRow | null> {
  const [row] = await trx('apiToken')
    .where({ name })
    .whereNull('revokedAt')
    .update({ revokedAt: trx.fn.now() })
    .returning('*');
  return row ?? null;
}
