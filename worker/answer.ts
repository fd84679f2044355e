import type { Answer } from '../agent/domain/answers.js';
import type { ClassifierCard } from '../models/catalogue/card.js';

export interface Decision {
  readonly answer: Answer;
  /** Why nothing is stated; empty for the first two answers. */
  readonly reasons: readonly string[];
}

/** What a network says of one region. */
export interface Spoken {
  readonly probability: number;
  /** Of its features from those it learnt from; null where the network gives none. */
  readonly distance: number | null;
}

/**
 * The policy from numbers to one of four answers, by the bounds on the model's card. Numbers are compared as the
 * database keeps them, in float32: the stored ones alone give the answer again.
 */
export function decide({ probability, distance }: Spoken, card: ClassifierCard): Decision {
  const { assessable, threshold, indeterminateFrom } = card;
  const furthest = assessable && Math.fround(assessable.maxDistance);
  if (furthest !== undefined && distance !== null && distance > furthest)
    return {
      answer: 'not-assessable',
      reasons: [
        `the region is unlike what the network learnt from: distance ${distance.toFixed(2)}, at most ${furthest.toFixed(2)}`,
      ],
    };
  if (probability >= Math.fround(threshold)) return { answer: 'calcified', reasons: [] };
  if (indeterminateFrom !== undefined && probability >= Math.fround(indeterminateFrom))
    return {
      answer: 'indeterminate',
      reasons: [
        `the score lies just below the threshold: ${probability.toFixed(3)} of ${threshold.toFixed(3)}`,
      ],
    };
  return { answer: 'not-calcified', reasons: [] };
}
