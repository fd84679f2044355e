/** 'warning': it works, but a person should know. */
export type Verdict = 'ok' | 'warning' | 'failed';

export interface Finding {
  readonly what: string;
  readonly verdict: Verdict;
  readonly detail: string;
  /** What to do about it. */
  readonly advice?: string;
}
