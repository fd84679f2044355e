import { HABIT_STUDIES } from '../domain/senderHabit.js';
import { isGapless } from './missing.js';

/** Evidence about one series that is still being received. Times are milliseconds since the epoch. */
export interface CompletenessEvidence {
  readonly instanceCount: number;
  /** NumberOfSeriesRelatedInstances by the source PACS's own answer; null when it was not asked or did not say. */
  readonly expectedInstances: number | null;
  /** How the associations that brought it ended; null while one is open. */
  readonly associations: readonly { readonly endedHow: string | null; readonly endedAtMs: number | null }[];
  /** Positions along the stack's normal, millimetres; null for an image without a plane. */
  readonly slicePositionsMm: readonly (number | null)[];
  /** What the headers say is still missing, in words; null when nothing is. */
  readonly missing: string | null;
  /** The longest its senders leave between two associations of one series: in this one, or lately in others. */
  readonly paceMs: number;
  /** The fewest studies that any of its senders has sent before. */
  readonly studiesBefore: number;
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
 * Complete is known, not guessed: the PACS's own count first; else every association released and a gapless stack of
 * which by its own headers nothing is missing; else the quiet period. Pure: the same evidence gives the same answer
 * after a restart.
 */
export function completenessOf(
  evidence: CompletenessEvidence,
  policy: CompletenessPolicy,
  nowMs: number,
): Completeness {
  const { expectedInstances, instanceCount } = evidence;
  const quietAtMs = quietAt(evidence, policy);
  // All of it came again in another series: there is nothing to wait for.
  if (instanceCount === 0) return { complete: true, reason: 'quiet' };
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

/** A sender that takes its time is given twice as long as it usually takes. */
const PACE_FACTOR = 2;

/** Silence says most of a sender that is never silent for long. */
function quietAt(
  { lastReceivedMs, paceMs }: CompletenessEvidence,
  { quietPeriodMs }: CompletenessPolicy,
): number {
  return lastReceivedMs + Math.max(quietPeriodMs, PACE_FACTOR * paceMs);
}

/** When the released, gapless stack may be believed; null when it is not one. */
function releasedStackAtMs(evidence: CompletenessEvidence, policy: CompletenessPolicy): number | null {
  const { associations, slicePositionsMm, isMultiFrame, lastReceivedMs, missing } = evidence;
  if (associations.length === 0 || associations.some(({ endedHow }) => endedHow !== 'released')) return null;
  if (missing !== null || (!isMultiFrame && !isGapless(slicePositionsMm))) return null;
  const ends = associations.map(({ endedAtMs }) => endedAtMs ?? 0);
  return Math.max(lastReceivedMs, ...ends) + graceMs(evidence, policy);
}

/** After a sender that is known to send a series in one go: its next association would have begun. */
const KNOWN_GRACE_MS = 50;

function graceMs(evidence: CompletenessEvidence, policy: CompletenessPolicy): number {
  const { associations, paceMs, studiesBefore, instanceCount } = evidence;
  const { releaseGraceMs, manyAssociationsGraceMs, quietPeriodMs } = policy;
  // One image may be the first of a sender that opens an association for each.
  const isKnown = studiesBefore >= HABIT_STUDIES && instanceCount > 1;
  const one = isKnown ? Math.min(KNOWN_GRACE_MS, releaseGraceMs) : releaseGraceMs;
  const usual = associations.length > 1 ? manyAssociationsGraceMs : one;
  return Math.max(usual, Math.min(PACE_FACTOR * paceMs, quietPeriodMs));
}
