import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import type { CaseRow } from '../../db/tables/cases.js';
import {
  type AskedCommitment,
  answerCommitment,
  askCommitmentAgain,
  failCommitment,
  lockCommitment,
  markCommitted,
  parkDelivery,
  resendReport,
} from '../../db/tables/commitments.js';
import { park } from '../../db/work/steps.js';
import type { CommitmentResult } from '../dicom/commitment.js';
import { statusText } from '../dicom/statuses.js';
import { CalcidiscError } from '../domain/errors.js';
import { planFor, wordOn } from './commitmentPolicy.js';

export interface ResultParts {
  readonly config: Pick<Config, 'deliver'>;
  readonly database: Pick<Database, 'knex'>;
  readonly log: Logger;
}

/**
 * Writes a PACS's word down, with what follows from it, in one transaction. The same word twice, and a word on a
 * transaction that is none of ours, changes nothing.
 * @returns the case to wake, when its report goes out again
 */
export async function takeResult(
  parts: ResultParts,
  result: CommitmentResult,
  reportingAe: string,
): Promise<CaseRow | null> {
  const { database, log } = parts;
  const { transactionUid } = result;
  return database.knex.transaction(async (trx) => {
    const asked = await lockCommitment(trx, transactionUid);
    if (!asked) {
      log.warn({ transactionUid, reportingAe }, 'a storage commitment was reported that we did not ask for');
      return null;
    }
    const word = wordOn(result, ...asked.report.references.map((each) => each.sopInstanceUid));
    if (word.is === 'silent') {
      log.warn(
        { transactionUid, reportingAe },
        'a storage commitment’s result does not speak of all of our report',
      );
      return null;
    }
    if (asked.answer !== null) return null;
    if (word.is === 'failed') return takeFailure(parts, trx, asked, word.reason, reportingAe);
    await answerCommitment(trx, asked, 'committed', null);
    if (asked.delivery.commitment === 'committed') return null;
    await markCommitted(trx, asked);
    await audit(trx, 'COMMITMENT_CONFIRMED', asked, reportingAe, {});
    log.info({ transactionUid, ...subjectOf(asked) }, 'the destination keeps the report safe');
    return null;
  });
}

async function takeFailure(
  { config, log }: ResultParts,
  trx: Tx,
  asked: AskedCommitment,
  reason: number,
  reportingAe: string,
): Promise<CaseRow | null> {
  const { delivery, report, isLatest } = asked;
  await answerCommitment(trx, asked, 'failed', statusText(reason));
  // Of an earlier request, or after a promise: a later word stands, or is still to come.
  if (!isLatest || delivery.commitment !== 'requested') return null;
  const plan = planFor(
    {
      reason,
      attempts: delivery.commitmentAttempts,
      resends: delivery.commitmentResends,
      ageMs: Date.now() - delivery.createdAt.getTime(),
    },
    config.deliver,
  );
  const message = `${delivery.destination} does not keep the report: ${plan.reason}`;
  log.error({ ...subjectOf(asked), plan: plan.plan, reason: plan.reason }, 'no storage commitment');
  const detail = { reason: statusText(reason), resends: delivery.commitmentResends };
  const current = await trx('case').where({ id: report.caseId }).first('revision');
  if (current.revision !== report.revision) {
    // A later report amends it: that one is what matters now.
    await failCommitment(trx, asked, `${message}; revision ${current.revision} takes its place`);
    await audit(trx, 'COMMITMENT_FAILED', asked, reportingAe, { ...detail, plan: 'superseded' });
    return null;
  }
  if (plan.plan === 'ask-again') {
    await askCommitmentAgain(trx, asked, plan.delayMs, message);
    await audit(trx, 'COMMITMENT_FAILED', asked, reportingAe, { ...detail, plan: plan.plan });
    return null;
  }
  if (plan.plan === 'send-again') {
    const row = await resendReport(trx, asked, message, plan.delayMs);
    await audit(trx, 'COMMITMENT_FAILED', asked, reportingAe, { ...detail, plan: plan.plan });
    return row.state === 'reported' ? row : null;
  }
  const error = new CalcidiscError('COMMITMENT_FAILED', message, { caseId: report.caseId });
  const row = await parkDelivery(trx, asked, error);
  await audit(trx, 'COMMITMENT_FAILED', asked, reportingAe, { ...detail, plan: plan.plan });
  // While other destinations are waited for, the deliver step parks the case when they are done.
  const others = await trx('delivery').where({ reportId: delivery.reportId, state: 'pending' });
  if (row.state === 'reported' && others.length === 0) await park(trx, row, error);
  return null;
}

function subjectOf({ report, delivery }: AskedCommitment) {
  const { caseId, sopInstanceUid } = report;
  return { caseId, sopInstanceUid, destination: delivery.destination };
}

async function audit(
  trx: Tx,
  event: 'COMMITMENT_CONFIRMED' | 'COMMITMENT_FAILED',
  { transactionUid, delivery, report }: AskedCommitment,
  reportingAe: string,
  detail: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { caseId, revision, sopInstanceUid } = report;
  await appendAudit(trx, {
    event,
    subjectType: 'report',
    subjectId: sopInstanceUid,
    actor: `ae:${reportingAe}`,
    detail: { caseId, revision, destination: delivery.destination, transactionUid, ...detail },
  });
}
