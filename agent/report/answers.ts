import { type ResultCode, VALUE } from './codes.js';
import type { ReportDisc, ReportInput } from './types.js';

/** The result of the disc: what the model says, or that it says nothing. */
export function resultOf(disc: Pick<ReportDisc, 'answer'>): ResultCode {
  if (disc.answer === null) return VALUE.indeterminate;
  return disc.answer.calcified ? VALUE.present : VALUE.absent;
}

/** The CT's measurement of a disc; null also where the two are matched by a level that one of them is not sure of. */
export function measurementOf(
  { localisation, ctLocalisation }: Pick<ReportInput, 'localisation' | 'ctLocalisation'>,
  { ct }: ReportDisc,
): ReportDisc['ct'] {
  return localisation.status === 'located' && ctLocalisation?.status === 'located' ? ct : null;
}
