import { type Marked, TISSUE } from './network.js';
import { noiseOver } from './noise.js';
import type { SagittalImage } from './sagittal.js';
import { meanOver, tissueMask } from './tissueMask.js';

/** The skin is the first place from behind that is brighter than this share of the vertebrae's mean, this far. */
const SKIN_SHARE = 0.4;
const SKIN_MM = 1.5;
/** What lies nearer to the skin may be its own blur. */
const MARGIN_MM = 6;
/** Less air tells nothing. */
const MIN_AIR_MM2 = 300;
/** Standard deviation of Rayleigh's distribution over that of the noise in either channel. */
const RAYLEIGH = Math.sqrt(2 - Math.PI / 2);

/**
 * Signal where there is nothing: root mean square in the air behind the back without what the noise gives there, as a
 * share of the vertebrae's mean. A body that moves while it is measured is repeated along the phase-encoding direction,
 * beyond its skin too (as in the ACR's percent-signal ghosting and Mortamet's artefact index, MRM 62:365, 2009).
 * Null where the picture shows too little air, or the air is not dark (an inverted picture).
 */
export function ghostShare(image: SagittalImage, marked: Marked): number | null {
  const signal = meanOver(image.pixels, tissueMask(image, marked, TISSUE.vertebra));
  if (signal === null || signal <= 0) return null;
  const air = airBehind(image, SKIN_SHARE * signal);
  const [perRow, perCol] = image.plane.spacingMm;
  const count = air.reduce((sum, inside) => sum + inside, 0);
  if (count * perRow * perCol < MIN_AIR_MM2) return null;
  const square = meanOver(
    image.pixels.map((value) => value * value),
    air,
  )!;
  return Math.sqrt(Math.max(0, square - noiseSquare(image, air, count))) / signal;
}

/**
 * Mean square of what the noise alone gives in the air, as much as it may be: scanners interpolate, so the kernel looks
 * at neighbours and at next neighbours, and a small sample may be off by two and a half standard errors.
 */
function noiseSquare(image: SagittalImage, air: Uint8Array, count: number): number {
  const deviation = Math.max(...[1, 2].map((step) => noiseOver(image, air, step) ?? 0)) / RAYLEIGH;
  return 2 * deviation * deviation * (1 + 5 / Math.sqrt(count));
}

/** 1 behind the skin of every row that has skin and air behind it. */
function airBehind({ pixels, rows, columns, plane }: SagittalImage, limit: number): Uint8Array {
  const air = new Uint8Array(rows * columns);
  const skin = Math.max(1, Math.round(SKIN_MM / plane.spacingMm[1]));
  const margin = Math.round(MARGIN_MM / plane.spacingMm[1]);
  for (let row = 0; row < rows; row++) {
    const end = (row + 1) * columns;
    let bright = 0;
    let at = end - 1;
    for (; at >= row * columns && bright < skin; at--) bright = pixels[at]! > limit ? bright + 1 : 0;
    if (bright === skin) air.fill(1, Math.min(end, at + 1 + skin + margin), end);
  }
  return air;
}
