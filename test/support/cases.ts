import { newUid } from '../../agent/dicom/uid.js';
import type { Tx } from '../../db/server/knex.js';
import { type CaseRow, createCase } from '../../db/tables/cases.js';
import { ensureSeries } from '../../db/tables/series.js';
import { ensureStudy } from '../../db/tables/studies.js';

/** A study with one MR series. */
export async function makeSeries(tx: Tx, modality = 'MR', patientId = 'P1') {
  const [studyInstanceUid, seriesInstanceUid] = [newUid(), newUid()];
  await ensureStudy(tx, { studyInstanceUid, patientId });
  await ensureSeries(tx, { seriesInstanceUid, studyInstanceUid, modality });
  return { studyInstanceUid, seriesInstanceUid };
}

/** A case in `received`, with the rows it stands on. */
export async function makeCase(tx: Tx): Promise<CaseRow> {
  const { studyInstanceUid, seriesInstanceUid } = await makeSeries(tx);
  const made = await createCase(tx, {
    mrSeriesInstanceUid: seriesInstanceUid,
    mrStudyInstanceUid: studyInstanceUid,
  });
  return made.case;
}
