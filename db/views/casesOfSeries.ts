import type { Tx } from '../server/knex.js';

/** What a log line about a series says of its case, so that the lines of one case can be found. */
export interface CaseOfLine {
  readonly caseId?: string;
  /** Where there are several: a CT may stand beside more than one MR. */
  readonly caseIds?: readonly string[];
}

/**
 * The case of the series' study, and those that it woke. Never throws: a line without its case is better than none.
 * @param woken cases that what is logged has woken
 */
export async function casesOfSeries(
  tx: Tx,
  seriesInstanceUid: string,
  woken: readonly { readonly id: string }[] = [],
): Promise<CaseOfLine> {
  const own: { id: string }[] = await tx('case')
    .join('series', 'series.studyInstanceUid', 'case.mrStudyInstanceUid')
    .where('series.seriesInstanceUid', seriesInstanceUid)
    .select('case.id')
    .catch(() => []);
  const ids = [...new Set([...own, ...woken].map(({ id }) => id))];
  return ids.length > 1 ? { caseIds: ids } : ids[0] ? { caseId: ids[0] } : {};
}
