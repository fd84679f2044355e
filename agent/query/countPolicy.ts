/** What is known when a source has answered how many images a series has. */
export interface CountEvidence {
  /** The answer. */
  readonly count: number;
  /** Since when it has been the same. */
  readonly sameForMs: number;
  /** What is believed so far; null for nothing. */
  readonly stored: number | null;
  /** What is here. */
  readonly have: number;
  /** An association that brought some of it is still open. */
  readonly isOpen: boolean;
}

export interface CountPolicy {
  readonly recountMs: number;
  readonly manyAssociationsGraceMs: number;
}

/**
 * Whether the answer is to be believed. A source may be receiving the series itself and passing it on image by image:
 * what it has is then no more than what is here, and says nothing of what is to come. So an answer has to stand:
 * shortly when the source has more than is here; when it has not, until the senders have ended and for the longer
 * grace. One that has grown past what is believed replaces it at once: that only makes us wait.
 */
export function isBelieved(evidence: CountEvidence, policy: CountPolicy): boolean {
  const { count, sameForMs, stored, have, isOpen } = evidence;
  if (count === stored) return false;
  if (stored !== null && count > stored) return true;
  if (count < have) return false;
  if (count > have) return sameForMs >= policy.recountMs;
  return !isOpen && sameForMs >= policy.manyAssociationsGraceMs;
}
