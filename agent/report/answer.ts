import { createHash } from 'node:crypto';
import { measurementOf } from './answers.js';
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
  return createHash('sha256').update(JSON.stringify(answer)).digest('hex');
}

/** The probability to a percent: what lies below is the order of a sum, not another answer. */
function discAnswer(input: ReportInput, disc: ReportDisc) {
  const { level, answer } = disc;
  const percent = answer && Math.round(answer.probability * 100);
  return [level, answer?.calcified ?? null, percent, measurementOf(input, disc)?.label ?? null];
}
