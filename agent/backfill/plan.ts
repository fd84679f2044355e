import type { Tx } from '../../db/server/knex.js';
import {
  type BackfillStudyRow,
  failedBefore,
  isElsewhere,
  listBackfillSeries,
  type PlannedImages,
  planBackfillStudy,
} from '../../db/tables/backfillStudies.js';
import { countInstances } from '../../db/tables/instances.js';
import { findSeries, listSeriesOfStudy } from '../../db/tables/series.js';
import { withFinder } from '../query/finder.js';
import type { SeriesMatch } from '../query/matches.js';
import { chooseStudies, datesAround, isSeriesInWindow, type Wanted } from '../query/priors.js';
import type { Source } from '../query/source.js';
import { chooseMr, type LeftOut, mayShowLumbarSpine } from './choose.js';
import type { BackfillContext } from './context.js';

/** What the source has for a study: its MR series that may be read, and the patient's CTs of the weeks around it. */
export interface Found {
  readonly mr: readonly SeriesMatch[];
  readonly ct: readonly SeriesMatch[];
}

export async function findImages(
  { config, fits, signal }: BackfillContext,
  row: BackfillStudyRow,
  source: Source,
): Promise<Found | LeftOut> {
  const { timeoutMs } = config.query;
  return withFinder({ source, config, timeoutMs, signal }, async (finder) => {
    const mr = chooseMr(row, await finder.findSeriesOf(row.studyInstanceUid, {}));
    if ('reasonCode' in mr) return mr;
    const wanted = wantedCt(row, config);
    if (!wanted) return { mr: mr.series, ct: [] };
    const { patientId, dateFrom: from, dateTo: to, anchorDate } = wanted;
    const answers = await finder.findStudies({ patientId, modality: 'CT', from, to });
    const ct: SeriesMatch[] = [];
    for (const study of chooseStudies(wanted, answers, config.query.priors.maxStudies).studies)
      for (const series of await finder.findSeriesOf(study.studyInstanceUid, {
        modality: 'CT',
      }))
        if (
          isSeriesInWindow(wanted, series) &&
          mayShowLumbarSpine({ ...series, modality: 'CT' }, study.studyDescription) &&
          fits({ source, study, series, anchorDate })
        )
          ct.push(series);
    return { mr: mr.series, ct };
  });
}

/** @returns null for a study without patient ID or date: no CT can be told to belong to it */
function wantedCt(
  { patientId, issuerOfPatientId, studyDate }: BackfillStudyRow,
  { query, pair }: BackfillContext['config'],
): Wanted | null {
  if (patientId === '' || studyDate === null) return null;
  const windowDays = query.priors.windowDays ?? pair.windowDays;
  const anchorDate = studyDate;
  return {
    patientId,
    issuerOfPatientId,
    wantedModality: 'CT',
    anchorDate,
    ...datesAround(anchorDate, windowDays),
  };
}

/**
 * Writes down what of a study is sent for, CT before MR, so that a case that begins has its CT. A study that was here
 * before is left alone, as its results are not the backfill's: that is looked at once, before its first image is sent for.
 */
export async function planStudy(
  trx: Tx,
  row: BackfillStudyRow,
  { mr, ct }: Found,
): Promise<{ readonly plan: readonly PlannedImages[] } | LeftOut> {
  const before = new Map((await listBackfillSeries(trx, row.id)).map((one) => [one.seriesInstanceUid, one]));
  if (before.size === 0) {
    const here = await listSeriesOfStudy(trx, row.studyInstanceUid);
    if (here.length > 0 && !(await failedBefore(trx, row)))
      return { reasonCode: 'here-already', reason: `${here.length} series of it` };
    if (await isElsewhere(trx, row)) return { reasonCode: 'another-backfill', reason: 'at this moment' };
  }
  const plan: PlannedImages[] = [];
  for (const [modality, all] of [
    ['CT', ct],
    ['MR', mr],
  ] as const)
    for (const { seriesInstanceUid, studyInstanceUid, instances } of all) {
      const known = await findSeries(trx, seriesInstanceUid);
      const have = known === null ? 0 : await countInstances(trx, seriesInstanceUid);
      const isHere = known?.state === 'complete' && have >= (instances ?? 0);
      // Sent for by an attempt of before, and perhaps not all in the index yet.
      const isMoved =
        before.get(seriesInstanceUid)?.state === 'moved' && (known === null || have >= (instances ?? 0));
      const state = isMoved ? 'moved' : isHere ? 'skipped' : 'wanted';
      plan.push({ seriesInstanceUid, studyInstanceUid, modality, expectedInstances: instances, state });
    }
  await planBackfillStudy(trx, row.id, plan);
  return { plan };
}
