import type { BackfillReason, BackfillStudyRow } from '../../db/tables/backfillStudies.js';
import type { SeriesMatch } from '../query/matches.js';
import { regionOf } from '../route/attributes.js';

/** Why nothing of a study is sent for. */
export interface LeftOut {
  readonly reasonCode: BackfillReason;
  readonly reason: string;
}

/**
 * The MR series that may show the lumbar spine by what the source says of them: those that name it, and those that name
 * no part at all, of which the images decide (route.mr, agent/read). Orientation and weighting no source says.
 */
export function chooseMr(
  { studyDescription }: Pick<BackfillStudyRow, 'studyDescription'>,
  found: readonly SeriesMatch[],
): { readonly series: readonly SeriesMatch[] } | LeftOut {
  const mr = found.filter(({ modality }) => modality === 'MR' || modality === '');
  if (mr.length === 0) return { reasonCode: 'no-mr', reason: `${found.length} series, none of them MR` };
  const fitting = mr.filter((series) => mayShowLumbarSpine(series, studyDescription));
  if (fitting.length > 0) return { series: fitting };
  const named = mr.map(nameOf).join(', ');
  return { reasonCode: 'other-part', reason: `${studyDescription || 'no study description'}: ${named}` };
}

/** Of another part than the lumbar spine is what names one. */
export function mayShowLumbarSpine(
  { modality, seriesDescription, bodyPartExamined }: SeriesMatch,
  studyDescription: string,
): boolean {
  const named = { modality, seriesDescription, bodyPartExamined, studyDescription, protocolName: null };
  return regionOf(named).region !== 'OTHER';
}

function nameOf({ seriesDescription, bodyPartExamined }: SeriesMatch): string {
  return [seriesDescription || 'no description', bodyPartExamined && `(${bodyPartExamined})`]
    .filter(Boolean)
    .join(' ');
}
