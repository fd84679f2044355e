import type { Logger } from '../../config/log.js';
import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import type { Refusal } from '../receive/types.js';

/**
 * Puts a refused association (a security alert, PS3.15 A.5.3) or object on the trail. Not awaited by the receiver:
 * the sender has its answer, and the log has the line even when the database is away.
 */
export function auditRefusal(tx: Tx, refusal: Refusal, log: Logger): void {
  log.warn(refusal, `${refusal.what} refused`);
  const isAssociation = refusal.what === 'association';
  appendAudit(tx, {
    event: isAssociation ? 'ASSOCIATION_REFUSED' : 'OBJECT_REFUSED',
    subjectType: isAssociation ? 'association' : 'instance',
    subjectId: refusal.sopInstanceUid ?? refusal.remoteAddress,
    actor: `ae:${refusal.callingAe}`,
    detail: { status: refusal.status, reason: refusal.reason, remoteAddress: refusal.remoteAddress },
  }).catch((error: unknown) => log.error({ err: error }, 'a refusal is not on the audit trail'));
}
