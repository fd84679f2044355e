import { TISSUE } from './logits.js';
import type { Marked } from './network.js';
import type { SagittalImage } from './sagittal.js';
import { meanOver, tissueMask } from './tissueMask.js';

/** Fewer pixels tell nothing. */
const MIN_PIXELS = 200;

/** Mean over noise in the vertebrae; null where too little of them is seen, or no noise. */
export function signalToNoise(image: SagittalImage, marked: Marked): number | null {
  const bone = tissueMask(image, marked, TISSUE.vertebra);
  const noise = noiseOver(image, bone);
  return noise === null || noise === 0 ? null : meanOver(image.pixels, bone)! / noise;
}

/**
 * The noise's standard deviation over a mask, by Immerkaer (CVIU 64:300, 1996): the mean response to a kernel that is
 * blind to edges and slopes. Null for a small mask.
 * @param step between the kernel's pixels: 2 sees the noise of a picture interpolated to twice its size
 */
export function noiseOver(
  { pixels, columns }: Pick<SagittalImage, 'pixels' | 'columns'>,
  mask: Uint8Array,
  step = 1,
): number | null {
  const down = step * columns;
  let [response, count] = [0, 0];
  for (let at = down + step; at < pixels.length - down - step; at++) {
    const col = at % columns;
    if (mask[at] === 0 || col < step || col >= columns - step) continue;
    const edges = pixels[at - step]! + pixels[at + step]! + pixels[at - down]! + pixels[at + down]!;
    const corners =
      pixels[at - down - step]! +
      pixels[at - down + step]! +
      pixels[at + down - step]! +
      pixels[at + down + step]!;
    response += Math.abs(4 * pixels[at]! - 2 * edges + corners);
    count++;
  }
  return count < MIN_PIXELS ? null : (Math.sqrt(Math.PI / 2) * response) / (6 * count);
}
