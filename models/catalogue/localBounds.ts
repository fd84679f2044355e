import { CalcidiscError } from '../../agent/domain/errors.js';
import type { LocalBounds } from '../../db/tables/models.js';
import type { ClassifierCard } from './card.js';

/** The card with a site's own bounds in place of its own; the card itself without any. */
export function withLocalBounds(card: ClassifierCard, bounds: LocalBounds | null): ClassifierCard {
  if (bounds === null) return card;
  const { indeterminateFrom: _, ...rest } = card;
  const { threshold, indeterminateFrom } = bounds;
  return { ...rest, threshold, ...(indeterminateFrom !== null && { indeterminateFrom }) };
}

/**
 * What a person asks for, made whole: without a word on it the answer stays indeterminate from where the card says, as
 * long as that lies below the new threshold.
 * @throws CalcidiscError MODEL_BOUNDS when they are no shares, or in the wrong order
 */
export function boundsOf(
  { threshold, indeterminateFrom }: { readonly threshold: number; readonly indeterminateFrom?: number },
  card: ClassifierCard,
): LocalBounds {
  const from = indeterminateFrom ?? card.indeterminateFrom ?? null;
  for (const [what, value] of [
    ['the threshold', threshold],
    ['--indeterminate-from', indeterminateFrom ?? 0],
  ] as const)
    if (!(value >= 0 && value <= 1))
      throw new CalcidiscError('MODEL_BOUNDS', `${what} is a probability from 0 to 1, not ${value}`);
  if (indeterminateFrom !== undefined && indeterminateFrom > threshold)
    throw new CalcidiscError(
      'MODEL_BOUNDS',
      `indeterminate from ${indeterminateFrom} is above the threshold ${threshold}`,
    );
  return { threshold, indeterminateFrom: from !== null && from < threshold ? from : null };
}
