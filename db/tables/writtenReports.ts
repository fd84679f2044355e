import { randomUUID } from 'node:crypto';
import type { Level } from '../../agent/domain/levels.js';
import type { Tx } from '../server/knex.js';
import { appendAudit } from './audit.js';
import { levelOrder } from './levelOrder.js';

/** What a report says of one disc: by its words, and as a person has corrected it. */
export const WRITTEN_WORDS = ['calcified', 'not-calcified', 'not-mentioned'] as const;
export type WrittenWord = (typeof WRITTEN_WORDS)[number];

export interface WrittenDiscRow {
  readonly level: Level;
  readonly heard: WrittenWord;
  /** From which it was heard; '' for nothing. */
  readonly sentence: string;
  readonly corrected: WrittenWord | null;
  readonly correctedBy: string | null;
  readonly correctedAt: Date | null;
}

/** Why a report is of no study here. */
export const UNMATCHED_WORDS = {
  'no-study': 'no study here has that number',
  'other-patient': 'the study with that number has another patient ID',
  'several-studies': 'several studies have that number',
} as const;

export interface WrittenReportRow {
  readonly id: string;
  readonly source: 'hl7' | 'csv';
  readonly controlId: string;
  readonly sender: string;
  readonly accessionNumber: string;
  readonly studyInstanceUid: string;
  readonly patientId: string;
  /** HL7 table 0123; F and C count. */
  readonly status: string;
  readonly signedBy: string;
  readonly signedAt: Date | null;
  readonly language: string | null;
  readonly body: string;
  readonly receivedAt: Date;
  readonly matchedStudy: string | null;
  readonly unmatchedBecause: keyof typeof UNMATCHED_WORDS | null;
}

export interface NewWrittenReport
  extends Pick<
    WrittenReportRow,
    | 'source'
    | 'controlId'
    | 'sender'
    | 'studyInstanceUid'
    | 'status'
    | 'signedBy'
    | 'signedAt'
    | 'language'
    | 'body'
  > {
  /** The likeliest first: the first that a study here has is kept, else the first. */
  readonly accessionNumbers: readonly string[];
  readonly patientIds: readonly string[];
  readonly message: string;
  readonly messageSha256: string;
  readonly discs: readonly Pick<WrittenDiscRow, 'level' | 'heard' | 'sentence'>[];
}

/** @returns null where the same message is there already */
export async function insertWrittenReport(
  tx: Tx,
  report: NewWrittenReport,
  actor: string,
): Promise<WrittenReportRow | null> {
  return tx.transaction(async (trx) => {
    const { accessionNumbers, patientIds, discs, ...columns } = report;
    const id = randomUUID();
    const [row] = await trx('writtenReport')
      .insert({ ...columns, id, ...(await numbersOf(trx, report)) })
      .onConflict('messageSha256')
      .ignore()
      .returning('id');
    if (!row) return null;
    await trx('writtenReportDisc').insert(
      discs.map(({ level, heard, sentence }) => ({ reportId: id, level, heard, sentence })),
    );
    await trx.raw('SELECT written_report_match(ARRAY[?::uuid])', [id]);
    const kept: WrittenReportRow = await trx('writtenReport').where({ id }).first('*');
    await appendAudit(trx, {
      event: 'WRITTEN_REPORT_HEARD',
      subjectType: 'written-report',
      subjectId: id,
      actor,
      detail: {
        source: report.source,
        status: report.status,
        study: kept.matchedStudy,
        unmatched: kept.unmatchedBecause,
      },
    });
    return kept;
  });
}

/** Of several numbers and patient IDs those that a study here has. */
async function numbersOf(
  trx: Tx,
  { accessionNumbers, patientIds, studyInstanceUid }: NewWrittenReport,
): Promise<{ readonly accessionNumber: string; readonly patientId: string }> {
  const query = trx('worklistEntry').select('accessionNumber', 'patientId');
  const known: { accessionNumber: string; patientId: string }[] = await (studyInstanceUid === ''
    ? query.whereIn('accessionNumber', [...accessionNumbers])
    : query.where({ mrStudyInstanceUid: studyInstanceUid }));
  const number = accessionNumbers.find((each) =>
    known.some(({ accessionNumber }) => accessionNumber === each),
  );
  const patient = patientIds.find((each) => known.some(({ patientId }) => patientId === each));
  return {
    accessionNumber: number ?? accessionNumbers[0] ?? '',
    patientId: patient ?? patientIds[0] ?? '',
  };
}

export interface WrittenReport extends WrittenReportRow {
  /** From above down. */
  readonly discs: readonly WrittenDiscRow[];
}

/** Of a study, the one that counts first. */
export async function listWrittenReports(tx: Tx, mrStudyInstanceUid: string): Promise<WrittenReport[]> {
  const rows: WrittenReportRow[] = await tx('writtenReport')
    .where({ matchedStudy: mrStudyInstanceUid })
    .orderByRaw("status IN ('F', 'C') DESC, signed_at DESC NULLS LAST, received_at DESC")
    .select('*');
  const discs: (WrittenDiscRow & { reportId: string })[] = await tx('writtenReportDisc')
    .whereIn(
      'reportId',
      rows.map(({ id }) => id),
    )
    .orderByRaw(levelOrder('level'))
    .select('*');
  return rows.map((row) => ({ ...row, discs: discs.filter(({ reportId }) => reportId === row.id) }));
}

export interface WrittenCorrection {
  readonly reportId: string;
  readonly level: Level;
  /** Null: as it was heard. */
  readonly corrected: WrittenWord | null;
  readonly actor: string;
}

/** @returns whether there is such a report */
export async function correctWritten(
  tx: Tx,
  { reportId, level, corrected, actor }: WrittenCorrection,
): Promise<boolean> {
  return tx.transaction(async (trx) => {
    const [before] = await trx('writtenReportDisc')
      .where({ reportId, level })
      .forUpdate()
      .select('heard', 'corrected');
    if (!before) return false;
    await trx('writtenReportDisc')
      .where({ reportId, level })
      .update({
        corrected,
        correctedBy: corrected && actor,
        correctedAt: corrected && trx.raw('clock_timestamp()'),
      });
    await appendAudit(trx, {
      event: 'WRITTEN_REPORT_CORRECTED',
      subjectType: 'written-report',
      subjectId: reportId,
      actor,
      detail: { level, heard: before.heard, before: before.corrected, after: corrected },
    });
    return true;
  });
}

/** How many came, and what became of them. */
export interface WrittenCounts {
  readonly all: number;
  readonly final: number;
  readonly unmatched: number;
  /** In a language that is not understood. */
  readonly unheard: number;
}

export async function countWritten(tx: Tx): Promise<WrittenCounts> {
  const { rows } = await tx.raw(
    `SELECT count(*)::integer AS all, count(*) FILTER (WHERE status IN ('F', 'C'))::integer AS final,
            count(*) FILTER (WHERE matched_study IS NULL)::integer AS unmatched,
            count(*) FILTER (WHERE language IS NULL)::integer AS unheard FROM written_report`,
  );
  return rows[0];
}

/** The newest first. */
export function listUnmatchedWritten(tx: Tx, limit: number): Promise<WrittenReportRow[]> {
  return tx('writtenReport').whereNull('matchedStudy').orderBy('receivedAt', 'desc').limit(limit).select('*');
}
