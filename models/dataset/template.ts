import { join } from 'node:path';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { sagittalStack } from '../../agent/locate/sagittalStack.js';
import { readSeries } from '../../agent/locate/series.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { appendAudit } from '../../db/tables/audit.js';
import { findCase } from '../../db/tables/cases.js';
import { listInstances } from '../../db/tables/instances.js';
import { listRegions } from '../../db/tables/regions.js';
import { markupsText } from './markups.js';
import { boxOn, nearestSlice } from './rectangle.js';

/** The localiser's regions of a case as 3D Slicer boxes, each as thick as its slice is far from the next. */
export async function templateOf(
  {
    config,
    database: { knex },
  }: { readonly config: Pick<Config, 'dataDir'>; readonly database: Pick<Database, 'knex'> },
  { caseId, actor }: { readonly caseId: string; readonly actor: string },
): Promise<{ readonly text: string; readonly regions: number }> {
  const row = await findCase(knex, caseId);
  if (!row) throw new CalcidiscError('CASE_NOT_FOUND', `no case ${caseId}`);
  const regions = await listRegions(knex, row.id, row.revision);
  if (regions.length === 0)
    throw new CalcidiscError('DATASET_EMPTY', 'the localiser found no disc of this case', { caseId: row.id });
  const instances = await listInstances(knex, row.mrSeriesInstanceUid);
  const stack = sagittalStack(
    await readSeries(instances.map(({ spoolPath }) => join(config.dataDir, spoolPath))),
  );
  if (typeof stack === 'string') throw new CalcidiscError('NOT_ONE_SERIES', stack, { caseId: row.id });
  const boxes = regions.flatMap(({ level, sopInstanceUid, roiPixel, centrePatientMm }) => {
    const planes = stack.slices
      .filter((one) => one.sopInstanceUid === sopInstanceUid)
      .map(({ plane }) => plane);
    // Frames of one object share its UID: the one that the disc lies on.
    const plane = planes[nearestSlice(planes, centrePatientMm)];
    return plane ? [{ name: level, box: boxOn(plane, roiPixel, stack.spacingMm ?? 1) }] : [];
  });
  const detail = { as: '3D Slicer markups', revision: row.revision };
  await appendAudit(knex, { event: 'CASE_VIEWED', subjectType: 'case', subjectId: row.id, actor, detail });
  return { text: markupsText(boxes), regions: boxes.length };
}
