import { type Code, sct } from './code.js';

/** What is looked for in a disc. */
interface FindingRow {
  readonly code: Code;
  readonly words: {
    /** Within a sentence. */
    readonly noun: string;
    /** Of a disc that has it, and of one that has not. */
    readonly present: string;
    readonly absent: string;
  };
  /** Whether a CT of the same spine says what is true. */
  readonly isCtReference: boolean;
}

/** Every finding, calcification first. */
export const FINDINGS = {
  calcification: {
    code: sct('18115005', 'Pathologic calcification'),
    words: { noun: 'calcification', present: 'calcified', absent: 'not calcified' },
    isCtReference: true,
  },
} as const satisfies Record<string, FindingRow>;

export type Finding = keyof typeof FINDINGS;

/** The one that the shipped classifiers answer for. */
export const { calcification: CALCIFICATION } = FINDINGS;
