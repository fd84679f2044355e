import { type Marked, TISSUE } from './network.js';
import { noiseOver } from './noise.js';
import type { SagittalImage } from './sagittal.js';
import { meanOver, tissueMask } from './tissueMask.js';

/** The skin is the first place from behind that is brighter than this share of the vertebrae's mean, this far. */
const SKIN_SHARE = 0.4;
const SKIN_MM = 1.5;
/** What lies nearer to the skin may be its own blur, nearer to the picture's edge a frame about it. */
const MARGIN_MM = 6;
const EDGE_MM = 4;
/** Less air tells nothing. */
const MIN_AIR_MM2 = 200;
/** Ghosts are edges repeated: broader than a pixel's noise, narrower than the fall of a coil's sensitivity. */
const FINE_MM = 1.5;
const COARSE_MM = 12;
/** Noise of a picture interpolated to twice its size shows in next neighbours, by more than this. */
const INTERPOLATED = 1.15;
/** A small sample's noise may be off by so much. */
const NOISE_MARGIN = 1.3;

/**
 * Structure where there is nothing: root mean square, in the air behind the back, of what is neither a pixel's noise
 * nor even over a centimetre, as a share of the vertebrae's mean. A body that moves while it is measured is repeated
 * along the phase-encoding direction, beyond its skin too (as in the ACR's percent-signal ghosting and Mortamet's
 * artefact index, MRM 62:365, 2009). An even glow is none: smoothing, as JPEG's, makes it of the noise. A white line,
 * as exports draw about a picture, is none either. Null where the picture shows too little air, or the air is not dark
 * (an inverted picture).
 */
export function ghostShare(image: SagittalImage, marked: Marked): number | null {
  const signal = meanOver(image.pixels, tissueMask(image, marked, TISSUE.vertebra));
  if (signal === null || signal <= 0) return null;
  const air = airBehind(image, SKIN_SHARE * signal);
  const [perRow, perCol] = image.plane.spacingMm;
  const count = air.reduce((sum, inside) => sum + inside, 0);
  if (count * perRow * perCol < MIN_AIR_MM2) return null;
  const fine = odd(FINE_MM / perCol);
  const even = meansIn(image, air, odd(COARSE_MM / perCol));
  const square = meanOver(
    meansIn(image, air, fine).map((value, at) => (value - even[at]!) ** 2),
    air,
  )!;
  return Math.sqrt(Math.max(0, square - noiseSquare(image, air, fine))) / signal;
}

/** What the noise alone leaves of the mean over a box, squared, as much as it may be. */
function noiseSquare(image: SagittalImage, air: Uint8Array, side: number): number {
  const [near, next] = [1, 2].map((step) => noiseOver(image, air, step) ?? 0) as [number, number];
  const spread = next > INTERPOLATED * near ? next ** 2 / Math.max(1, (side / 2) ** 2) : 0;
  return NOISE_MARGIN * Math.max(near ** 2 / side ** 2, spread);
}

/** The next odd number of pixels. */
function odd(pixels: number): number {
  return Math.max(1, Math.round(pixels) | 1);
}

/** 1 behind the skin of every row that has skin and air behind it, but on the edges and about bright lines. */
function airBehind({ pixels, rows, columns, plane }: SagittalImage, limit: number): Uint8Array {
  const air = new Uint8Array(rows * columns);
  const pixelsOf = (mm: number) => Math.round(mm / plane.spacingMm[1]);
  const skin = Math.max(1, pixelsOf(SKIN_MM));
  const edge = pixelsOf(EDGE_MM);
  for (let row = edge; row < rows - edge; row++) {
    const end = (row + 1) * columns;
    let bright = 0;
    let at = end - 1;
    for (; at >= row * columns && bright < skin; at--) bright = pixels[at]! > limit ? bright + 1 : 0;
    const from = at + 1 + skin + pixelsOf(MARGIN_MM);
    if (bright === skin && from < end - edge) air.fill(1, from, end - edge);
  }
  const lines = [...air.keys()].filter((at) => air[at] === 1 && pixels[at]! > limit);
  for (const at of lines)
    for (const down of [-columns, 0, columns]) air.fill(0, at + down - 1, at + down + 2);
  return air;
}

/** For each pixel of a mask the mean of the mask's pixels in a box about it; 0 elsewhere. By sums from the corner. */
function meansIn({ pixels, rows, columns }: SagittalImage, mask: Uint8Array, side: number): Float32Array {
  const width = columns + 1;
  const sums = new Float64Array((rows + 1) * width);
  const counts = new Float64Array((rows + 1) * width);
  for (let row = 0, at = 0; row < rows; row++)
    for (let col = 0; col < columns; col++, at++) {
      const to = (row + 1) * width + col + 1;
      const inside = mask[at]!;
      sums[to] = inside * pixels[at]! + sums[to - 1]! + sums[to - width]! - sums[to - width - 1]!;
      counts[to] = inside + counts[to - 1]! + counts[to - width]! - counts[to - width - 1]!;
    }
  const reach = side >> 1;
  return Float32Array.from(mask, (inside, at) => {
    if (inside === 0) return 0;
    const [row, col] = [Math.floor(at / columns), at % columns];
    const [top, left] = [Math.max(0, row - reach) * width, Math.max(0, col - reach)];
    const [bottom, right] = [Math.min(rows, row + reach + 1) * width, Math.min(columns, col + reach + 1)];
    const over = (of: Float64Array) =>
      of[bottom + right]! - of[top + right]! - of[bottom + left]! + of[top + left]!;
    return over(sums) / over(counts);
  });
}
