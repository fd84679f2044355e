import { createHash, randomUUID } from 'node:crypto';
import { newUid } from '../../agent/dicom/uid.js';
import { buildReport } from '../../agent/report/build.js';
import type { Database } from '../../db/server/database.js';
import { type CaseRow, createCase } from '../../db/tables/cases.js';
import { insertReport, type ReportRow } from '../../db/tables/reports.js';
import { MR, reportInput } from '../report/sample.js';

/** A case as the report step leaves it: reported, with a real Structured Report. */
export async function insertReportedCase({ knex }: Database): Promise<{ row: CaseRow; report: ReportRow }> {
  const study = { mrStudyInstanceUid: newUid(), mrSeriesInstanceUid: newUid() };
  await knex('study').insert({ studyInstanceUid: study.mrStudyInstanceUid });
  await knex('series').insert({
    seriesInstanceUid: study.mrSeriesInstanceUid,
    studyInstanceUid: study.mrStudyInstanceUid,
    modality: 'MR',
    // As it was left when it was read: an agent that starts on it has nothing to decide.
    state: 'complete',
    role: 'mr',
  });
  return knex.transaction(async (trx) => {
    const { case: created } = await createCase(trx, study);
    const [row] = await trx('case').where({ id: created.id }).update({ state: 'reported' }).returning('*');
    const { file, ...uids } = buildReport(
      reportInput({
        caseId: created.id,
        patient: { ...reportInput().patient, id: `P-${randomUUID().slice(0, 8)}` },
        study: { ...reportInput().study, studyInstanceUid: study.mrStudyInstanceUid },
        mr: {
          ...MR,
          studyInstanceUid: study.mrStudyInstanceUid,
          seriesInstanceUid: study.mrSeriesInstanceUid,
        },
      }),
    );
    const { report } = await insertReport(trx, {
      caseId: row.id,
      revision: row.revision,
      ...uids,
      predecessorSopInstanceUid: null,
      file,
      fileSha256: createHash('sha256').update(file).digest('hex'),
    });
    return { row, report };
  });
}
