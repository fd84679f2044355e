import type { ClassifierCard } from '../models/catalogue/card.js';

/** What a network says of one region. */
export interface Spoken {
  readonly probability: number;
  /** Of its features from those it learnt from; null where the network gives none. */
  readonly distance: number | null;
}

/** Fewer others say nothing of what is usual in this spine. */
const LEAST_OTHERS = 2;

/**
 * What is said of one spine's discs, each held against the others: a scanner or a look that the network does not know raises
 * all of its scores, a calcified disc its own. The logit is moved by `weight` times how far it stands above the median of the
 * other discs', then calibrated; a disc with fewer than two others that can be assessed stands by itself.
 * @param discs of one spine, in any order
 * @returns probabilities 0..1, float32, in that order; what the network said where the card does not hold discs against one another
 */
export function probabilitiesWithin(discs: readonly Spoken[], card: ClassifierCard): number[] {
  const { withinSpine } = card;
  if (!withinSpine) return discs.map(({ probability }) => probability);
  const { weight, scale, shift } = withinSpine;
  const logits = discs.map(({ probability }) => logit(probability));
  return discs.map((_, at) => {
    const own = logits[at]!;
    const others = logits.filter((_, k) => k !== at && isAssessable(discs[k]!, card));
    const above = others.length < LEAST_OTHERS ? 0 : own - median(others);
    return Math.fround(1 / (1 + Math.exp(-(scale * (own + weight * above) + shift))));
  });
}

/** Whether the region is like those the network learnt from. */
export function isAssessable({ distance }: Spoken, { assessable }: ClassifierCard): boolean {
  return distance === null || assessable === undefined || distance <= Math.fround(assessable.maxDistance);
}

/** Of a float32: 0 and 1 are taken for the nearest there are beside them. */
function logit(probability: number): number {
  const inside = Math.min(1 - 2 ** -24, Math.max(2 ** -149, probability));
  return Math.log(inside / (1 - inside));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return Number.isInteger(half) ? (sorted[half - 1]! + sorted[half]!) / 2 : sorted[Math.floor(half)]!;
}
