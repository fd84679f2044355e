import { CALCIFICATION } from './findings.js';

/** What a CT, or a reader, says of a disc; `isPresent` is null where neither yes nor no can be said. */
export const CT_LABELS = {
  calcified: { isPresent: true, words: CALCIFICATION.words.present },
  'not-calcified': { isPresent: false, words: CALCIFICATION.words.absent },
  indeterminate: { isPresent: null, words: 'indeterminate' },
} as const satisfies Record<string, { readonly isPresent: boolean | null; readonly words: string }>;

export type CtLabel = keyof typeof CT_LABELS;

export function ctLabelOf(isPresent: boolean): CtLabel {
  return isPresent ? 'calcified' : 'not-calcified';
}
