import type { Tx } from '../server/knex.js';
import { type CaseRow, lockCase, moveCase } from './cases.js';
import type { DeliveryRow } from './deliveries.js';
import { listObjectsTaken } from './reportObjects.js';

/** A report whose safe keeping is asked for: what the request says, and whom it goes to. */
export interface CommitmentWork {
  readonly delivery: DeliveryRow;
  readonly report: CommittedReport;
}

export interface CommittedReport {
  readonly caseId: string;
  readonly revision: number;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** What the destination has of it: the SR and its other forms. */
  readonly references: readonly { readonly sopClassUid: string; readonly sopInstanceUid: string }[];
}

const REPORT = ['report.caseId', 'report.revision', 'report.sopClassUid', 'report.sopInstanceUid'] as const;

/**
 * Takes the request that is due longest, or whose answer has not come in time, and writes its transaction down:
 * the answer may be here before the peer has answered the request (PS3.4 J.3.3).
 * Say in the same transaction when it is asked again.
 */
export async function claimCommitment(trx: Tx, transactionUid: string): Promise<CommitmentWork | null> {
  const { rows } = await trx.raw(
    `UPDATE delivery
        SET commitment = 'requested', commitment_attempts = commitment_attempts + 1
      WHERE id = (
        SELECT id FROM delivery
         WHERE commitment IN ('due', 'requested') AND commitment_due_at <= clock_timestamp()
         ORDER BY commitment_due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING *`,
  );
  const delivery: DeliveryRow | undefined = rows[0];
  if (!delivery) return null;
  await trx('commitmentRequest').insert({ transactionUid, deliveryId: delivery.id });
  return { delivery, report: await reportOf(trx, delivery) };
}

async function reportOf(tx: Tx, { id, reportId }: DeliveryRow): Promise<CommittedReport> {
  const report = await tx('report')
    .where({ id: reportId })
    .first(...REPORT);
  const sr = await tx('deliveryForm').where({ deliveryId: id, form: 'sr' }).first('form');
  const objects = await listObjectsTaken(tx, id);
  // Where nothing is written down, an older version sent the SR.
  const own = sr || objects.length === 0 ? [report] : [];
  return { ...report, references: [...own, ...objects] };
}

/** A request as its answer finds it, with its delivery's row held. */
export interface AskedCommitment extends CommitmentWork {
  readonly transactionUid: string;
  readonly answer: 'committed' | 'failed' | null;
  /** Nothing was asked after it. */
  readonly isLatest: boolean;
}

export async function lockCommitment(trx: Tx, transactionUid: string): Promise<AskedCommitment | null> {
  const request = await trx('commitmentRequest').where({ transactionUid }).first('*');
  if (!request) return null;
  const delivery: DeliveryRow = await trx('delivery')
    .where({ id: request.deliveryId })
    .forUpdate()
    .first('*');
  const [latest] = await trx('commitmentRequest')
    .where({ deliveryId: delivery.id })
    .orderBy('askedAt', 'desc')
    .limit(1)
    .select('transactionUid');
  // Read again under the lock: the same answer may come twice at once.
  const { answer } = await trx('commitmentRequest').where({ transactionUid }).first('answer');
  const isLatest = latest.transactionUid === transactionUid;
  return { transactionUid, answer, isLatest, delivery, report: await reportOf(trx, delivery) };
}

export async function answerCommitment(
  trx: Tx,
  { transactionUid }: AskedCommitment,
  answer: 'committed' | 'failed',
  failureReason: string | null,
): Promise<void> {
  await trx('commitmentRequest')
    .where({ transactionUid })
    .update({ answer, failureReason, answeredAt: trx.raw('clock_timestamp()') });
}

export async function markCommitted(trx: Tx, { delivery }: CommitmentWork): Promise<void> {
  await trx('delivery')
    .where({ id: delivery.id })
    .update({
      commitment: 'committed',
      commitmentDueAt: null,
      commitmentError: null,
      committedAt: trx.raw('clock_timestamp()'),
    });
}

/** Asked again after `delayMs`, unless the answer has come meanwhile. */
export async function askCommitmentAgain(
  tx: Tx,
  { delivery }: CommitmentWork,
  delayMs: number,
  error: string | null = null,
): Promise<void> {
  await tx('delivery')
    .where({ id: delivery.id, commitment: 'requested', commitmentAttempts: delivery.commitmentAttempts })
    .update({
      commitmentDueAt: tx.raw("clock_timestamp() + ? * interval '1 millisecond'", [delayMs]),
      commitmentError: error,
    });
}

/** No promise, and nothing more is done about it. @returns false when the answer has come meanwhile */
export async function failCommitment(trx: Tx, { delivery }: CommitmentWork, error: string): Promise<boolean> {
  const count = await trx('delivery')
    .where({ id: delivery.id })
    .whereIn('commitment', ['due', 'requested'])
    .update({ commitment: 'failed', commitmentDueAt: null, commitmentError: error });
  return count > 0;
}

/** The report goes out again. @returns the case to wake; its row is held */
export async function resendReport(
  trx: Tx,
  { delivery, report }: CommitmentWork,
  error: string,
  delayMs: number,
): Promise<CaseRow> {
  const row = (await lockCase(trx, report.caseId))!;
  // It gets all of the report again.
  await trx('deliveryForm').where({ deliveryId: delivery.id }).delete();
  await trx('delivery')
    .where({ id: delivery.id })
    .update({
      state: 'pending',
      nextAttemptAt: trx.raw("clock_timestamp() + ? * interval '1 millisecond'", [delayMs]),
      commitment: 'resending',
      commitmentResends: trx.raw('commitment_resends + 1'),
      commitmentDueAt: null,
      commitmentError: error,
    });
  return row.state === 'delivered' ? backToReported(trx, row, delivery.destination) : row;
}

/** The delivery is a person's now, who may have all of it sent again. @returns the case, in `reported` if it was thought delivered; its row is held */
export async function parkDelivery(
  trx: Tx,
  { delivery, report }: CommitmentWork,
  { code, message }: { readonly code: string; readonly message: string },
): Promise<CaseRow> {
  const row = (await lockCase(trx, report.caseId))!;
  await trx('deliveryForm').where({ deliveryId: delivery.id }).delete();
  await trx('delivery').where({ id: delivery.id }).update({
    state: 'parked',
    lastErrorCode: code,
    lastError: message,
    commitment: 'failed',
    commitmentDueAt: null,
    commitmentError: message,
  });
  return row.state === 'delivered' ? backToReported(trx, row, delivery.destination) : row;
}

function backToReported(trx: Tx, { id, revision }: CaseRow, destination: string): Promise<CaseRow> {
  const auditDetail = { reason: 'the destination does not keep the report', destination };
  return moveCase(trx, { id, revision, from: 'delivered', to: 'reported', auditDetail });
}
