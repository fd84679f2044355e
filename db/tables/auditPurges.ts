import type { Tx } from '../server/knex.js';
import type { AuditRow } from './audit.js';

/** Rows of the trail that were written to a file and deleted, as the row that vouches for them says. */
export interface AuditPurge {
  /** The file's name. */
  readonly file: string;
  readonly sha256: string;
  /** The first and the last row in it. */
  readonly from: number;
  readonly through: number;
  /** Of the last row. */
  readonly throughHash: string;
  /** When the last row was written; ISO 8601. */
  readonly throughAt: string;
  readonly rows: number;
  /** The policy: older than so many days. */
  readonly days: number;
}

export interface AuditPurgeRow extends AuditPurge {
  readonly at: Date;
  readonly actor: string;
}

/** The newest first. */
export async function listAuditPurges(tx: Tx): Promise<AuditPurgeRow[]> {
  const rows: Pick<AuditRow, 'at' | 'actor' | 'detail'>[] = await tx('auditEvent')
    .where({ event: 'AUDIT_PURGED' })
    .orderBy('seq', 'desc')
    .select('at', 'actor', 'detail');
  return rows.map(({ at, actor, detail }) => ({ at, actor, ...(detail as unknown as AuditPurge) }));
}

/**
 * The hash by which the trail hangs on a row that may have gone: what the row after it says, else its own.
 * @returns null where neither is there
 */
export async function findAuditLink(tx: Tx, seq: number): Promise<string | null> {
  const next = await tx('auditEvent')
    .where({ seq: seq + 1 })
    .first('prevHash');
  return next?.prevHash ?? (await tx('auditEvent').where({ seq }).first('hash'))?.hash ?? null;
}

/** One process at a time writes out and deletes, until its transaction ends. @returns false while another one does */
export async function takeAuditPurge(trx: Tx): Promise<boolean> {
  const { rows } = await trx.raw('SELECT pg_try_advisory_xact_lock(1128354883, 3) AS taken');
  return rows[0].taken;
}

/** Deletes the first rows of the trail, `limit` at most and none after `through`. @returns how many */
export async function dropFirstRows(tx: Tx, through: number, limit: number): Promise<number> {
  return tx('auditEvent')
    .where('seq', '<', tx.raw('(SELECT min(seq) + ? FROM audit_event)', [limit]))
    .andWhere('seq', '<=', through)
    .delete();
}
