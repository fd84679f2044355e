/** 'warning': it works, but a person should know. */
export type CheckVerdict = 'ok' | 'warning' | 'failed';

export interface Finding {
  readonly what: string;
  readonly verdict: CheckVerdict;
  readonly detail: string;
  /** The keys of the configuration that say so, and the environment variables that stand above them. */
  readonly setting?: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** One sentence for a start that has failed. */
export function sentenceOf({ what, detail, setting, advice }: Finding): string {
  return [`${what}: ${detail}`, setting && ` (${setting})`, advice && `; ${advice}`].filter(Boolean).join('');
}
