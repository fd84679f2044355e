import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { confidenceWord } from '../../agent/domain/levelConfidence.js';
import { LEVELS } from '../../agent/domain/levels.js';
import { drawResult } from '../../agent/locate/picture.js';
import type { LocatedDisc } from '../../agent/locate/types.js';
import { readReport, renderReport } from '../../agent/report/tree.js';
import type { Database } from '../../db/server/database.js';
import { type CaseRow, listCases } from '../../db/tables/cases.js';
import { listInferences } from '../../db/tables/inferences.js';
import { findLocalisation, type LocalisationRow } from '../../db/tables/localisations.js';
import { listMeasurements } from '../../db/tables/measurements.js';
import { listRegions } from '../../db/tables/regions.js';
import { findReport } from '../../db/tables/reports.js';
import { findStudy } from '../../db/tables/studies.js';
import { runTool } from '../support/dcmtk.js';
import type { RunningOrthanc } from '../support/orthanc.js';

/** One case as it came out, with what is wrong about its report. */
export interface Delivered {
  readonly title: string;
  readonly mr: LocalisationRow;
  readonly discs: readonly LocatedDisc[];
  readonly rows: readonly (readonly string[])[];
  readonly problems: readonly string[];
}

/** Fetches every report out of the PACS, validates it, and draws what was found. */
export async function collectReports(
  database: Database,
  orthanc: RunningOrthanc,
  out: string,
): Promise<Delivered[]> {
  const cases = await listCases(database.knex, { limit: 1000 });
  return Promise.all(cases.map((row) => collect(database, orthanc, out, row)));
}

async function collect(
  database: Database,
  orthanc: RunningOrthanc,
  out: string,
  row: CaseRow,
): Promise<Delivered> {
  const { knex } = database;
  const study = (await findStudy(knex, row.mrStudyInstanceUid))!;
  const name = `${study.patientId || 'nobody'}-${row.id.slice(0, 8)}`;
  const mr = (await findLocalisation(knex, row.id, row.revision, 'MR'))!;
  const discs = await listRegions(knex, row.id, row.revision);
  if (mr.slicePng && mr.pixelSpacingMm)
    await writeFile(
      join(out, `${name}.png`),
      await drawResult(mr.slicePng, mr.pixelSpacingMm, { ...mr, discs }),
    );
  return {
    title: `${name}: ${row.state}, revision ${row.revision}, ${mr.status} ${mr.reasons.join('; ')}`,
    mr,
    discs,
    rows: await tableRows(database, row, discs),
    problems: await problemsOf(database, orthanc, row, join(out, name)),
  };
}

async function tableRows(
  { knex }: Database,
  row: CaseRow,
  discs: readonly LocatedDisc[],
): Promise<string[][]> {
  const inferences = (await listInferences(knex, row.id, row.revision)).filter(
    ({ role }) => role === 'active',
  );
  const measurements = await listMeasurements(knex, row.id, row.revision);
  return LEVELS.map((level) => {
    const disc = discs.find((each) => each.level === level);
    const inference = inferences.find((each) => each.level === level);
    const ct = measurements.find((each) => each.level === level);
    return [
      level,
      disc ? confidenceWord(disc.confidence) : 'not found',
      inference ? `${(inference.probability * 100).toFixed(1)} %` : '–',
      ct?.label ?? '–',
      ct?.meanHu == null ? '–' : `${ct.meanHu.toFixed(0)} HU`,
    ];
  });
}

async function problemsOf(
  database: Database,
  orthanc: RunningOrthanc,
  row: CaseRow,
  base: string,
): Promise<string[]> {
  if (row.state !== 'delivered') return [`the case is ${row.state}: ${row.lastErrorCode} ${row.lastError}`];
  const report = (await findReport(database.knex, row.id, row.revision))!;
  const found = await orthanc.post<{ ID: string }[]>('/tools/lookup', report.sopInstanceUid);
  if (found.length !== 1) return [`Orthanc has ${found.length} objects ${report.sopInstanceUid}`];
  const bytes = await orthanc.bytes(`/instances/${found[0]!.ID}/file`);
  await writeFile(`${base}.dcm`, bytes);
  await writeFile(`${base}.txt`, `${renderReport(readReport(bytes), { maxImages: 5 })}\n`);
  const { output } = await runTool('dciodvfy', [`${base}.dcm`]);
  return output.split('\n').filter((line) => /^(\(.*\) - )?Error/.test(line));
}
