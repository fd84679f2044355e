import { isStated } from '../domain/answers.js';
import { sha256 } from '../domain/hash.js';
import { measurementOf, scoreOf } from './answers.js';
import type { ReportDisc, ReportInput } from './types.js';

/**
 * A digest of what a report tells its reader: the series read, the discs with their results, how sure the levels are,
 * whose study it is and under which order. Not when it was written, nor by which revision: one that would tell the
 * same again is not sent again.
 */
export function answerSha256(input: ReportInput): string {
  const { patient, study, mr, ct, localisation } = input;
  const { age: _, ...identity } = patient;
  const answer = {
    identity,
    study,
    read: mr.seriesInstanceUid,
    ct: ct?.seriesInstanceUid ?? null,
    status: localisation.status,
    discs: input.discs.map((disc) => discAnswer(input, disc)),
  };
  return sha256(JSON.stringify(answer));
}

/** The probability to a percent: what lies below is the order of a sum, not another answer. */
function discAnswer(input: ReportInput, disc: ReportDisc) {
  const { level, answer } = disc;
  const score = scoreOf(disc);
  const percent = score === null ? null : Math.round(score * 100);
  return [level, statedOf(answer), percent, measurementOf(input, disc)?.label ?? null];
}

/** As reports before there were four answers had it, so that their digests stand: true, false, null; else the answer. */
function statedOf(answer: ReportDisc['answer']): boolean | string | null {
  if (answer === null) return null;
  return isStated(answer.answer) ? answer.answer === 'calcified' : answer.answer;
}
