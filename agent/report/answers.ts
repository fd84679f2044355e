import { ANSWER_WORDS, type Answer, isStated } from '../domain/answers.js';
import { type ResultCode, VALUE } from './codes.js';
import type { ReportDisc, ReportInput } from './types.js';
import { invalid } from './values.js';

/** The result of the disc: what the model says, or that it says nothing. */
export function resultOf(disc: Pick<ReportDisc, 'answer'>): ResultCode {
  return disc.answer === null ? VALUE.indeterminate : RESULT[disc.answer.answer];
}

const RESULT = {
  calcified: VALUE.present,
  'not-calcified': VALUE.absent,
  indeterminate: VALUE.indeterminate,
  'not-assessable': VALUE.notAssessable,
} as const satisfies Record<Answer, ResultCode>;

/** The score that may stand beside the result: none of a region that the network cannot read, where it means nothing. */
export function scoreOf({ answer }: Pick<ReportDisc, 'answer'>): number | null {
  if (answer === null || answer.answer === 'not-assessable') return null;
  const { probability } = answer;
  if (!(probability >= 0 && probability <= 1)) throw invalid(`a probability of ${probability}`);
  return probability;
}

/** Why a disc has no finding, in a sentence; null where it has one. */
export function unstatedWords({ answer }: Pick<ReportDisc, 'answer'>): string | null {
  if (answer === null || isStated(answer.answer)) return null;
  return `${ANSWER_WORDS[answer.answer]} on MR: ${answer.reasons.join('; ')}. This is no statement that calcification is absent.`;
}

/** The CT's measurement of a disc; null also where the two are matched by a level that one of them is not sure of. */
export function measurementOf(
  { localisation, ctLocalisation }: Pick<ReportInput, 'localisation' | 'ctLocalisation'>,
  { ct }: ReportDisc,
): ReportDisc['ct'] {
  return localisation.status === 'located' && ctLocalisation?.status === 'located' ? ct : null;
}
