import type { Tx } from '../server/knex.js';

/** How far the trail has been sent on by syslog. */
export interface AuditSyslogRow {
  readonly seq: number;
  readonly sentAt: Date | null;
  readonly lastError: string | null;
}

export async function readSyslogPlace(tx: Tx): Promise<AuditSyslogRow | null> {
  const row = await tx('auditSyslog').first('*');
  return row ? { ...row, seq: Number(row.seq) } : null;
}

/** The same, held until the transaction ends; null while another process sends. */
export async function takeSyslogPlace(trx: Tx): Promise<number | null> {
  const row = await trx('auditSyslog').forUpdate().skipLocked().first('seq');
  return row ? Number(row.seq) : null;
}

export async function moveSyslogPlace(trx: Tx, seq: number): Promise<void> {
  await trx('auditSyslog').update({ seq, sentAt: trx.raw('clock_timestamp()'), lastError: null });
}

export async function noteSyslogError(tx: Tx, lastError: string): Promise<void> {
  await tx('auditSyslog').update({ lastError });
}
