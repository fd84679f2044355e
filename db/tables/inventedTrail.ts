import type { Tx } from '../server/knex.js';
import { type AuditEvent, auditColumns } from './audit.js';
import { insertRows } from './bulk.js';

/** An event at a time of its own: the trail takes none but of a database that is being seeded. */
export interface InventedEvent extends AuditEvent {
  readonly at: Date;
}

/** As the trigger audit_chain does, but for the time. */
const CHAIN = `
  DO $$
  DECLARE
    e audit_event;
    head record;
  BEGIN
    SELECT seq, hash INTO head FROM audit_event ORDER BY seq DESC LIMIT 1;
    FOR e IN SELECT * FROM invented_event ORDER BY at, subject_id, event LOOP
      e.seq := coalesce(head.seq, 0) + 1;
      e.prev_hash := coalesce(head.hash, repeat('0', 64));
      e.hash := audit_hash(e);
      INSERT INTO audit_event SELECT e.*;
      SELECT e.seq AS seq, e.hash AS hash INTO head;
    END LOOP;
  END $$`;

/**
 * Puts invented events of the past on the trail of a database that holds nothing real (cli/seed), and leaves its triggers
 * as they were; in the caller's transaction, which nobody else's writing waits for.
 */
export async function appendInvented(trx: Tx, events: readonly InventedEvent[]): Promise<void> {
  await trx.raw('CREATE TEMP TABLE invented_event (LIKE audit_event) ON COMMIT DROP');
  const rows = events.map((each) => ({
    ...auditColumns(each),
    at: each.at,
    detail: each.detail ?? {},
    seq: 0,
    prevHash: '',
    hash: '',
  }));
  await insertRows(trx, 'invented_event', rows);
  await trx.raw('ALTER TABLE audit_event DISABLE TRIGGER audit_chain');
  await trx.raw(CHAIN);
  await trx.raw('ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_chain');
}
