import { json, type Tx } from '../server/knex.js';

/** What a browser's cookie stands for; kept by the SHA-256 of its id. */
export interface SessionRow {
  readonly idHash: string;
  readonly accountId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly expiresAt: Date;
}

/** Null when there is none in force. */
export async function findSession(tx: Tx, idHash: string): Promise<SessionRow | null> {
  const row = await tx('accessSession').where({ idHash }).where('expiresAt', '>', tx.fn.now()).first('*');
  return row ?? null;
}

export async function insertSession(tx: Tx, { data, ...row }: SessionRow): Promise<void> {
  const values = { ...row, data: json(data) };
  await tx('accessSession').insert(values).onConflict('idHash').merge();
}

/** Of a session that is there still: one that was ended meanwhile stays ended. */
export async function updateSession(tx: Tx, { idHash, data, ...row }: SessionRow): Promise<void> {
  await tx('accessSession')
    .where({ idHash })
    .update({ ...row, data: json(data) });
}

export async function deleteSession(tx: Tx, idHash: string): Promise<void> {
  await tx('accessSession').where({ idHash }).delete();
}

/** Logged out everywhere. @returns how many there were */
export function deleteSessionsOf(tx: Tx, accountId: string): Promise<number> {
  return tx('accessSession').where({ accountId }).delete();
}

export async function deleteExpiredSessions(tx: Tx): Promise<void> {
  await tx('accessSession').where('expiresAt', '<=', tx.fn.now()).delete();
}

/** What cookies are signed with, the same for every process of this database; `fresh` where there is none yet. */
export async function accessSecret(tx: Tx, fresh: string): Promise<string> {
  await tx('accessSecret').insert({ secret: fresh }).onConflict('onlyRow').ignore();
  return (await tx('accessSecret').first('secret'))!.secret;
}
