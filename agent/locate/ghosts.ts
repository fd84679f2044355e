import { TISSUE } from './logits.js';
import type { Marked } from './network.js';
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
  const count = countOf(air);
  if (count * perRow * perCol < MIN_AIR_MM2) return null;
  const fine = odd(FINE_MM / perCol);
  const sums = sumsOf(image, air);
  const even = meansIn(sums, air, odd(COARSE_MM / perCol));
  const off = meansIn(sums, air, fine);
  for (let at = 0; at < off.length; at++) off[at] = (off[at]! - even[at]!) ** 2;
  const square = meanOver(off, air)!;
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
  const lines: number[] = [];
  for (let at = 0; at < air.length; at++) if (air[at] === 1 && pixels[at]! > limit) lines.push(at);
  for (const at of lines)
    for (const down of [-columns, 0, columns]) air.fill(0, at + down - 1, at + down + 2);
  return air;
}

function countOf(mask: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < mask.length; at++) count += mask[at]!;
  return count;
}

/** Sums of values, and how many, from the corner to each pixel; a row and a column longer than the picture. */
interface CornerSums {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
  readonly counts: Float64Array;
}

/** Over the mask's pixels. */
function sumsOf({ pixels, rows, columns }: SagittalImage, mask: Uint8Array): CornerSums {
  const width = columns + 1;
  const values = new Float64Array((rows + 1) * width);
  const counts = new Float64Array((rows + 1) * width);
  for (let row = 0, at = 0; row < rows; row++)
    for (let col = 0; col < columns; col++, at++) {
      const to = (row + 1) * width + col + 1;
      const inside = mask[at]!;
      values[to] = inside * pixels[at]! + values[to - 1]! + values[to - width]! - values[to - width - 1]!;
      counts[to] = inside + counts[to - 1]! + counts[to - width]! - counts[to - width - 1]!;
    }
  return { rows, columns, values, counts };
}

/** For each pixel of a mask the mean of the mask's pixels in a box about it; 0 elsewhere. */
function meansIn({ rows, columns, values, counts }: CornerSums, mask: Uint8Array, side: number) {
  const width = columns + 1;
  const reach = side >> 1;
  const means = new Float32Array(mask.length);
  for (let row = 0, at = 0; row < rows; row++) {
    const top = Math.max(0, row - reach) * width;
    const bottom = Math.min(rows, row + reach + 1) * width;
    for (let col = 0; col < columns; col++, at++) {
      if (mask[at] === 0) continue;
      const left = Math.max(0, col - reach);
      const right = Math.min(columns, col + reach + 1);
      const sum =
        values[bottom + right]! - values[top + right]! - values[bottom + left]! + values[top + left]!;
      const count =
        counts[bottom + right]! - counts[top + right]! - counts[bottom + left]! + counts[top + left]!;
      means[at] = sum / count;
    }
  }
  return means;
}
