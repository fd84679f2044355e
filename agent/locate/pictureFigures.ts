import type { PictureFigures } from '../domain/pictureFigures.js';
import { REGION_SIDE } from '../domain/regionPicture.js';

/**
 * Grey and sharpness over all regions of a series; null without one.
 * @param regions 224 by 224 greys each, as the classifier sees them
 * @param signalToNoise of the slice that is shown, in its vertebrae
 */
export function pictureFiguresOf(
  regions: readonly Uint8Array[],
  signalToNoise: number | null,
): PictureFigures | null {
  if (regions.length === 0) return null;
  const each = regions.map((grey) => ({ grey: meanOf(grey), sharpness: sharpnessOf(grey) }));
  const mean = (of: (one: (typeof each)[number]) => number) =>
    each.reduce((sum, one) => sum + of(one), 0) / each.length;
  return {
    grey: mean(({ grey }) => grey),
    // Signed pictures and rescaled ones may have a mean of zero or less: noise over it would say nothing.
    noise: signalToNoise !== null && signalToNoise > 0 ? 1 / signalToNoise : null,
    sharpness: mean(({ sharpness }) => sharpness),
  };
}

function meanOf(grey: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < grey.length; at++) sum += grey[at]!;
  return sum / grey.length;
}

/**
 * Root mean square of the gradient (central differences), which a wide edge has less of than a steep one; over the
 * standard deviation, so that contrast and brightness do not make it. 0 for one grey.
 */
function sharpnessOf(grey: Uint8Array): number {
  const mean = meanOf(grey);
  let [gradient, squares] = [0, 0];
  for (let row = 1; row < REGION_SIDE - 1; row++)
    for (let col = 1, at = row * REGION_SIDE + 1; col < REGION_SIDE - 1; col++, at++) {
      const along = (grey[at + 1]! - grey[at - 1]!) / 2;
      const down = (grey[at + REGION_SIDE]! - grey[at - REGION_SIDE]!) / 2;
      gradient += along * along + down * down;
      squares += (grey[at]! - mean) ** 2;
    }
  return squares === 0 ? 0 : Math.sqrt(gradient / squares);
}
