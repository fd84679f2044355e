import { createHash, randomUUID } from 'node:crypto';
import sharp from 'sharp';
import { newUid } from '../../agent/dicom/uid.js';
import { buildReport } from '../../agent/report/build.js';
import { storedOf } from '../../agent/report/stored.js';
import type { ReportInput } from '../../agent/report/types.js';
import type { Database } from '../../db/server/database.js';
import { type CaseRow, createCase } from '../../db/tables/cases.js';
import { insertLocalisation } from '../../db/tables/localisations.js';
import { insertReport, type ReportRow } from '../../db/tables/reports.js';
import { insertResult, type Route } from '../../db/tables/results.js';
import { MR, reportInput } from '../report/sample.js';

/** A case as the report step leaves it: reported, with a real Structured Report. */
export async function insertReportedCase(
  { knex }: Database,
  changes: Partial<ReportInput> = {},
): Promise<ReportedCase> {
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
    const input = reportInput({
      caseId: created.id,
      patient: { ...reportInput().patient, id: `P-${randomUUID().slice(0, 8)}` },
      study: { ...reportInput().study, studyInstanceUid: study.mrStudyInstanceUid },
      mr: {
        ...MR,
        studyInstanceUid: study.mrStudyInstanceUid,
        seriesInstanceUid: study.mrSeriesInstanceUid,
      },
      ...changes,
    });
    const { file, ...uids } = buildReport(input);
    const { report } = await insertReport(trx, {
      caseId: row.id,
      revision: row.revision,
      ...uids,
      predecessorSopInstanceUid: null,
      file,
      fileSha256: createHash('sha256').update(file).digest('hex'),
    });
    return { row, report, input };
  });
}

const GREY = { create: { width: 320, height: 384, channels: 3, background: '#606060' } } as const;
let slice: Promise<Buffer> | undefined;

function greySlice(): Promise<Buffer> {
  slice ??= sharp(GREY).toColourspace('b-w').png().toBuffer();
  return slice;
}

export interface ReportedCase {
  readonly row: CaseRow;
  readonly report: ReportRow;
  readonly input: ReportInput;
}

/** As the report step leaves it with what it tells: the input, where it goes, and the slice that was read. */
export async function insertRoutedCase(
  database: Database,
  route: Route,
  changes: Partial<ReportInput> = {},
): Promise<ReportedCase> {
  const made = await insertReportedCase(database, changes);
  await keepResult(database, made, route);
  return made;
}

export async function keepResult(
  database: Database,
  { row, report, input }: ReportedCase,
  route: Route,
): Promise<void> {
  await insertLocalisation(database.knex, {
    caseId: row.id,
    revision: row.revision,
    modality: 'MR',
    seriesInstanceUid: row.mrSeriesInstanceUid,
    status: input.localisation.status,
    reasons: input.localisation.reasons,
    sliceSopInstanceUid: null,
    sliceIndex: null,
    sliceCount: null,
    slicePng: await greySlice(),
    pixelSpacingMm: [0.9, 0.9],
    localiserName: 'localiser',
    localiserVersion: '1',
    localiserSha256: 'cd'.repeat(32),
    milliseconds: 1,
  });
  await insertResult(database.knex, report.id, storedOf(input), route);
}
