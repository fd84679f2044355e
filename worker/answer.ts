import type { Answer } from '../agent/domain/answers.js';
import type { ClassifierCard } from '../models/catalogue/card.js';
import { isAssessable, probabilitiesWithin, type Spoken } from './spine.js';

export interface Decision {
  readonly answer: Answer;
  /** Why nothing is stated; empty for the first two answers. */
  readonly reasons: readonly string[];
}

export interface Judged extends Decision {
  readonly probability: number;
  /** What the network gave of the region alone; null where that is the probability. */
  readonly alone: number | null;
}

/** The answers to all discs of one spine. */
export function decideSpine(discs: readonly Spoken[], card: ClassifierCard): Judged[] {
  const within = probabilitiesWithin(discs, card);
  return discs.map(({ probability: alone, distance }, at) => {
    const probability = within[at]!;
    return {
      probability,
      alone: card.withinSpine ? alone : null,
      ...decide({ probability, distance }, card),
    };
  });
}

/**
 * The policy from numbers to one of four answers, by the bounds on the model's card. Numbers are compared as the
 * database keeps them, in float32: the stored ones alone give the answer again.
 */
export function decide({ probability, distance }: Spoken, card: ClassifierCard): Decision {
  const { assessable, threshold, indeterminateFrom } = card;
  if (!isAssessable({ probability, distance }, card))
    return {
      answer: 'not-assessable',
      reasons: [
        `the region is unlike what the network learnt from: distance ${distance?.toFixed(2)}, at most ${assessable?.maxDistance.toFixed(2)}`,
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
