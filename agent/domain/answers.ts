/** What the agent says of a disc on MR. The last two are no finding: nothing is stated, and the reasons say why. */
export const ANSWERS = ['calcified', 'not-calcified', 'indeterminate', 'not-assessable'] as const;
export type Answer = (typeof ANSWERS)[number];

/** For people. */
export const ANSWER_WORDS = {
  calcified: 'Calcified',
  'not-calcified': 'Not calcified',
  indeterminate: 'Indeterminate',
  'not-assessable': 'Not assessable',
} as const satisfies Record<Answer, string>;

/** Whether an answer states a finding; the others must never be counted as "no calcification". */
export function isStated(answer: Answer): answer is 'calcified' | 'not-calcified' {
  return answer === 'calcified' || answer === 'not-calcified';
}
