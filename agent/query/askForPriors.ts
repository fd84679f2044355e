import type { Tx } from '../../db/server/knex.js';
import { askForPrior, isAskedForBySibling, wasFetched } from '../../db/tables/priorFetches.js';
import type { SeriesRow } from '../../db/tables/series.js';
import { findStudy } from '../../db/tables/studies.js';
import { wasBackfilled } from '../../db/views/backfilled.js';
import { datesAround } from './priors.js';
import type { QueryConfig } from './source.js';

/**
 * A complete MR asks every source for its patient's CTs, a complete CT for the MRs; in the transaction that completes
 * it, so that no crash forgets to ask. A CT that we have fetched ourselves asks for nothing: else a patient's history
 * would be walked through, window by window.
 */
export async function askForPriors(
  trx: Tx,
  { seriesInstanceUid, studyInstanceUid, role, acquisitionDate }: SeriesRow,
  { query, pair }: Pick<QueryConfig, 'query' | 'pair'>,
): Promise<void> {
  if (!query.priors.enabled || query.sources.length === 0) return;
  if ((role !== 'mr' && role !== 'ct') || acquisitionDate === null) return;
  if (role === 'ct' && (await wasFetched(trx, seriesInstanceUid))) return;
  if (role === 'ct' && (await wasBackfilled(trx, seriesInstanceUid))) return;
  const study = await findStudy(trx, studyInstanceUid);
  if (!study || study.patientId === '') return;
  const { patientId, issuerOfPatientId } = study;
  const windowDays = query.priors.windowDays ?? pair.windowDays;
  for (const { name } of query.sources) {
    const fetch = {
      seriesInstanceUid,
      source: name,
      patientId,
      issuerOfPatientId,
      wantedModality: role === 'mr' ? ('CT' as const) : ('MR' as const),
      anchorDate: acquisitionDate,
      ...datesAround(acquisitionDate, windowDays),
    };
    // The series of one study want the same: the first of them asks for all.
    if (!(await isAskedForBySibling(trx, studyInstanceUid, fetch))) await askForPrior(trx, fetch);
  }
}
