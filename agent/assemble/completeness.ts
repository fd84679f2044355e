/** Evidence about one series that is still being received. Times are milliseconds since the epoch. */
export interface CompletenessEvidence {
  readonly instanceCount: number;
  /** NumberOfSeriesRelatedInstances by the source PACS's own answer; null when it was not asked or did not say. */
  readonly expectedInstances: number | null;
  /** How the associations that brought it ended; null while one is open. */
  readonly associations: readonly { readonly endedHow: string | null; readonly endedAtMs: number | null }[];
  /** Positions along the stack's normal, millimetres; null for an image without a plane. */
  readonly slicePositionsMm: readonly (number | null)[];
  readonly isMultiFrame: boolean;
  readonly lastReceivedMs: number;
}

export interface CompletenessPolicy {
  readonly quietPeriodMs: number;
  readonly releaseGraceMs: number;
  /** A sender that opens an association per image looks gapless long before its end: it gets this longer grace. */
  readonly manyAssociationsGraceMs: number;
}

export type CompleteReason = 'counted' | 'released-stack' | 'quiet';

export type Completeness =
  | { readonly complete: true; readonly reason: CompleteReason }
  | { readonly complete: false; readonly lookAgainMs: number };

/**
 * Complete is known, not guessed: the PACS's own count first; else every association released and a gapless stack;
 * else the quiet period. Pure: the same evidence gives the same answer after a restart.
 */
export function completenessOf(
  evidence: CompletenessEvidence,
  policy: CompletenessPolicy,
  nowMs: number,
): Completeness {
  const { expectedInstances, instanceCount, lastReceivedMs } = evidence;
  const quietAtMs = lastReceivedMs + policy.quietPeriodMs;
  // Fewer than have come: an answer from before the source had them all, which says nothing any more.
  if (expectedInstances !== null && instanceCount <= expectedInstances) {
    if (instanceCount === expectedInstances) return { complete: true, reason: 'counted' };
    return nowMs >= quietAtMs
      ? { complete: true, reason: 'quiet' }
      : { complete: false, lookAgainMs: quietAtMs };
  }
  const releasedAtMs = releasedStackAtMs(evidence, policy);
  if (releasedAtMs !== null && nowMs >= releasedAtMs) return { complete: true, reason: 'released-stack' };
  if (nowMs >= quietAtMs) return { complete: true, reason: 'quiet' };
  return { complete: false, lookAgainMs: Math.min(quietAtMs, releasedAtMs ?? quietAtMs) };
}

/** When the released, gapless stack may be believed; null when it is not one. */
function releasedStackAtMs(evidence: CompletenessEvidence, policy: CompletenessPolicy): number | null {
  const { associations, slicePositionsMm, isMultiFrame, lastReceivedMs } = evidence;
  if (associations.length === 0 || associations.some(({ endedHow }) => endedHow !== 'released')) return null;
  if (!isMultiFrame && !isGapless(slicePositionsMm)) return null;
  const graceMs = associations.length > 1 ? policy.manyAssociationsGraceMs : policy.releaseGraceMs;
  return Math.max(lastReceivedMs, ...associations.map(({ endedAtMs }) => endedAtMs ?? 0)) + graceMs;
}

/** Fewer slices than this say nothing about a spacing. */
const FEWEST_SLICES = 3;
/** A step this much over the usual one is a missing slice (two missing neighbours double it; tables move a little). */
const GAP_RATIO = 1.5;
/** Positions nearer than this are the same position (several echoes or acquisitions of one slice). */
const SAME_POSITION_MM = 0.01;

/** At least three different positions, and no step over 1.5 times the median step. */
export function isGapless(positionsMm: readonly (number | null)[]): boolean {
  if (positionsMm.some((position) => position === null)) return false;
  const sorted = (positionsMm as number[]).toSorted((a, b) => a - b);
  const distinct = sorted.filter((position, i) => i === 0 || position - sorted[i - 1]! > SAME_POSITION_MM);
  if (distinct.length < FEWEST_SLICES) return false;
  const steps = distinct.slice(1).map((position, i) => position - distinct[i]!);
  const median = steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)]!;
  return steps.every((step) => step <= GAP_RATIO * median);
}
