import { randomUUID } from 'node:crypto';
import type { Tx } from '../server/knex.js';

export interface ReportRow {
  readonly id: string;
  readonly caseId: string;
  readonly revision: number;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopClassUid: string;
  /** The report this one amends. */
  readonly predecessorSopInstanceUid: string | null;
  /** The whole DICOM file; null: deleted by policy. */
  readonly file: Uint8Array | null;
  readonly fileSha256: string;
  /** Of what it says (agent/report/answer.ts); null for what older versions wrote. */
  readonly answerSha256: string | null;
  readonly createdAt: Date;
}

export type NewReport = Omit<ReportRow, 'id' | 'createdAt' | 'answerSha256' | 'file'> &
  Partial<Pick<ReportRow, 'answerSha256'>> & { readonly file: Uint8Array };

/** One report per revision: a second call gives the first one's row, so that a retry sends the same bytes. */
export async function insertReport(
  tx: Tx,
  report: NewReport,
): Promise<{ report: ReportRow; created: boolean }> {
  const [row] = await tx('report')
    .insert({ ...report, id: randomUUID(), file: Buffer.from(report.file) })
    .onConflict(['caseId', 'revision'])
    .ignore()
    .returning('*');
  if (row) return { report: row, created: true };
  return { report: (await findReport(tx, report.caseId, report.revision))!, created: false };
}

export async function hasReport(tx: Tx, caseId: string): Promise<boolean> {
  return (await tx('report').where({ caseId }).first('id')) !== undefined;
}

/** The newest of this revision and those before it. */
export async function findLatestReport(tx: Tx, caseId: string, revision: number): Promise<ReportRow | null> {
  const query = tx('report').where({ caseId }).andWhere('revision', '<=', revision);
  return (await query.orderBy('revision', 'desc').first('*')) ?? null;
}

export async function findReport(tx: Tx, caseId: string, revision: number): Promise<ReportRow | null> {
  return (await tx('report').where({ caseId, revision }).first('*')) ?? null;
}

export async function findReportById(tx: Tx, id: string): Promise<ReportRow | null> {
  return (await tx('report').where({ id }).first('*')) ?? null;
}

export async function findReportByUid(tx: Tx, sopInstanceUid: string): Promise<ReportRow | null> {
  return (await tx('report').where({ sopInstanceUid }).first('*')) ?? null;
}

/** The latest report of an earlier revision that a destination has: the one to amend. */
export async function findPredecessor(tx: Tx, caseId: string, revision: number): Promise<ReportRow | null> {
  const query = tx('report').where({ caseId }).andWhere('revision', '<', revision);
  query.whereExists(tx('delivery').whereRaw("delivery.report_id = report.id AND delivery.state = 'stored'"));
  return (await query.orderBy('revision', 'desc').first('*')) ?? null;
}

/** Without the files, the newest revision first. */
export function listReports(tx: Tx, caseId: string): Promise<Omit<ReportRow, 'file'>[]> {
  return tx('report')
    .where({ caseId })
    .orderBy('revision', 'desc')
    .select(
      'id',
      'caseId',
      'revision',
      'sopInstanceUid',
      'seriesInstanceUid',
      'sopClassUid',
      'predecessorSopInstanceUid',
      'fileSha256',
      'answerSha256',
      'createdAt',
    );
}
