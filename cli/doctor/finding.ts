/** 'warning': it works, but a person should know. */
export type CheckVerdict = 'ok' | 'warning' | 'failed';

export interface Finding {
  readonly what: string;
  readonly verdict: CheckVerdict;
  readonly detail: string;
  /** What to do about it. */
  readonly advice?: string;
}
