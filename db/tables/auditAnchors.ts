import type { Tx } from '../server/knex.js';
import type { AuditHead } from './audit.js';

export interface AuditAnchorRow extends AuditHead {
  readonly kind: 'file' | 'rfc3161';
  /** The file, or the authority's address. */
  readonly place: string;
  readonly anchoredAt: Date;
  /** TimeStampResp, DER; null of a file. */
  readonly token: Uint8Array | null;
}

export type NewAuditAnchor = Omit<AuditAnchorRow, 'anchoredAt'>;

/** Held until the transaction ends; false while another process anchors. */
export async function takeAnchoring(trx: Tx): Promise<boolean> {
  const { rows } = await trx.raw("SELECT pg_try_advisory_xact_lock(hashtext('audit_anchor')) AS ours");
  return rows[0].ours;
}

/** The last row of the chain that stands there; 0 for none. */
export async function lastAnchored(tx: Tx, kind: AuditAnchorRow['kind'], place: string): Promise<number> {
  const row = await tx('auditAnchor').where({ kind, place }).max('seq as seq').first();
  return Number(row?.seq ?? 0);
}

export async function insertAnchor(trx: Tx, { token, ...anchor }: NewAuditAnchor): Promise<void> {
  await trx('auditAnchor').insert({ ...anchor, token: token && Buffer.from(token) });
}

/** In the order of the chain. */
export async function listAnchors(tx: Tx): Promise<AuditAnchorRow[]> {
  const rows: AuditAnchorRow[] = await tx('auditAnchor').orderBy(['seq', 'id']).select('*');
  return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
}

/** Of these heads the first that the chain does not go through, of rows that are there; null for none. */
export async function firstOffChain<H extends AuditHead>(tx: Tx, heads: readonly H[]): Promise<H | null> {
  const { rows } = await tx.raw(
    `SELECT h.at FROM unnest(?::bigint[], ?::text[]) WITH ORDINALITY AS h (seq, hash, at)
      WHERE h.seq >= coalesce((SELECT min(seq) FROM audit_event), 0)
        AND NOT EXISTS (SELECT FROM audit_event e WHERE e.seq = h.seq AND e.hash = h.hash) ORDER BY h.seq, h.at LIMIT 1`,
    [heads.map(({ seq }) => seq), heads.map(({ hash }) => hash)],
  );
  return rows[0] ? heads[Number(rows[0].at) - 1]! : null;
}
