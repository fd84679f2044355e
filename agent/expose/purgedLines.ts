import type { CaseView } from '../../db/views/caseView.js';
import { purgedTrailWords, purgedWords } from '../domain/purgedWords.js';

/** A line for each thing of a case that was deleted by policy, for a terminal. */
export function purgedLines({ purged: { regions, reports, trail } }: CaseView): string[] {
  return [
    ...(regions ? [purgedWords('regions', regions)] : []),
    ...(reports ? [purgedWords('reports', reports)] : []),
    ...(trail ? [purgedTrailWords(trail)] : []),
  ];
}
