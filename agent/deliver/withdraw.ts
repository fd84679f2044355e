import type { Destination } from '../../config/destinations.js';
import type { Config } from '../../config/schema.js';
import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import { type CaseRow, findCaseClosedNow, lockCase, moveCase, setCase } from '../../db/tables/cases.js';
import { listDeliveries } from '../../db/tables/deliveries.js';
import { noteWithdrawal } from '../../db/tables/notices.js';
import { listReportObjects } from '../../db/tables/reportObjects.js';
import { listReports } from '../../db/tables/reports.js';
import { CalcidiscError } from '../domain/errors.js';
import type { RejectionReason } from '../report/rejectionNote.js';
import type { DocumentReference } from '../report/types.js';

export interface WithdrawalRequest {
  readonly caseId: string;
  /** In words, for receivers and the trail. */
  readonly reason: string;
  readonly because: RejectionReason;
  readonly actor: string;
}

export interface Withdrawn {
  /** Who is told. */
  readonly told: readonly string[];
  /** Who has it and takes no word of withdrawal: a person has to see to it there. */
  readonly untold: readonly string[];
}

/**
 * Takes a case's result back on a person's word: the case is closed, and everybody who was given a revision of it is told
 * in the words of his channel. Nothing that was not sent yet is sent any more.
 * @throws CalcidiscError CASE_NOT_FOUND, WITHDRAWAL_REFUSED while the case is being worked on or has no report
 */
export async function withdraw(
  trx: Tx,
  { route }: Pick<Config, 'route'>,
  request: WithdrawalRequest,
): Promise<Withdrawn> {
  const { caseId, reason, because, actor } = request;
  const row = await lockCase(trx, caseId);
  if (!row) throw new CalcidiscError('CASE_NOT_FOUND', `there is no case ${caseId}`);
  const reports = await listReports(trx, caseId);
  refuseUnready(row, reports.length);
  const withdrawn = (await takeBack(trx, { route }, { caseId, reason, because }, actor))!;
  await moveCase(trx, {
    id: caseId,
    revision: row.revision,
    from: row.state,
    to: 'closed',
    auditDetail: { reason: 'withdrawn' },
  });
  await setCase(trx, caseId, { closedBecause: `withdrawn: ${reason}` });
  return withdrawn;
}

/**
 * Notes for everybody who was given a report of a case that it does not stand any more, whoever says so; in the
 * transaction that makes it so. What is sent of the case later waits for that word (deliver.ts).
 * @param actor absent: nobody but the images themselves
 * @returns null when no report was made; nobody is told where nobody has it
 */
export async function takeBack(
  trx: Tx,
  { route }: Pick<Config, 'route'>,
  { caseId, reason, because }: Omit<WithdrawalRequest, 'actor'>,
  actor?: string,
): Promise<Withdrawn | null> {
  const reports = await listReports(trx, caseId);
  const [latest] = reports;
  if (!latest) return null;
  const given = await givenTo(trx, reports);
  const told = route.destinations.filter((each) => given.has(each.name) && takesWithdrawals(each));
  const names = told.map(({ name }) => name);
  const untold = [...given].filter((name) => !names.includes(name));
  const { id: reportId, revision, sopInstanceUid } = latest;
  if (given.size === 0 && !actor) return { told: [], untold };
  await noteWithdrawal(trx, { caseId, revision, reportId, reason, reasonCode: because }, names);
  await appendAudit(trx, {
    event: 'RESULT_WITHDRAWN',
    subjectType: 'report',
    subjectId: sopInstanceUid,
    ...(actor && { actor }),
    detail: { caseId, revision, reason, because, told: names, untold },
  });
  return { told: names, untold };
}

/** A study whose case this transaction has closed, as all of its images are another study's now, keeps no result. */
export async function takeBackIfClosed(
  trx: Tx,
  config: Pick<Config, 'route'>,
  mrStudyInstanceUid: string,
): Promise<void> {
  const closed = await findCaseClosedNow(trx, mrStudyInstanceUid);
  if (!closed) return;
  const reason = closed.closedBecause ?? 'its images are of another study';
  await takeBack(trx, config, { caseId: closed.id, reason, because: 'worklist' });
}

function refuseUnready({ id, state, owner }: CaseRow, reports: number): void {
  const refuse = (why: string): never => {
    throw new CalcidiscError('WITHDRAWAL_REFUSED', `case ${id} ${why}`, { caseId: id });
  };
  if (reports === 0) refuse('has no report: there is nothing to withdraw');
  if (state === 'closed') refuse('is closed already');
  if (!['reported', 'delivered', 'parked'].includes(state))
    refuse(`is being read again (${state}): wait until it is reported`);
  if (owner !== null) refuse('is being sent at this moment: try again in a few seconds');
}

/** Destinations that have taken a form of a revision. */
async function givenTo(trx: Tx, reports: readonly { readonly id: string }[]): Promise<Set<string>> {
  const names = new Set<string>();
  for (const { id } of reports)
    for (const { destination, state, forms } of await listDeliveries(trx, id))
      if (state === 'stored' || forms.length > 0) names.add(destination);
  return names;
}

/** A PACS where the site wants rejection notes; every other channel has a word for it. */
export function takesWithdrawals(destination: Destination): boolean {
  return !('rejectionNotes' in destination) || destination.rejectionNotes;
}

/** DICOM objects of all revisions up to one that a destination has. */
export async function objectsAt(
  trx: Tx,
  caseId: string,
  destination: string,
  upToRevision: number,
): Promise<Omit<DocumentReference, 'studyInstanceUid'>[]> {
  const objects: Omit<DocumentReference, 'studyInstanceUid'>[] = [];
  for (const report of await listReports(trx, caseId)) {
    if (report.revision > upToRevision) continue;
    const delivery = (await listDeliveries(trx, report.id)).find((each) => each.destination === destination);
    if (!delivery) continue;
    if (delivery.forms.includes('sr')) objects.push(report);
    const others = await listReportObjects(trx, report.id);
    for (const each of others) if (delivery.forms.includes(each.form)) objects.push(each);
  }
  return objects.map(({ sopInstanceUid, seriesInstanceUid, sopClassUid }) => ({
    sopInstanceUid,
    seriesInstanceUid,
    sopClassUid,
  }));
}
