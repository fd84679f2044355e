import type { InferenceSession } from 'onnxruntime-node';
import type { LocaliserCard } from '../../models/catalogue/localiser.js';

/** Channels of the tissue head, as the card lists them. */
export const TISSUE = { background: 0, vertebra: 1, canal: 2, disc: 3 } as const;
const TISSUES = Object.keys(TISSUE).length;
/** Channels of the level head: the five lumbar discs from below, then what is above and what is below. */
export const LEVEL_CLASSES = 7;

/** One picture's outputs, padded: class k's of a pixel is `tissue[k * size + place]`, `level[k * size + place]`. */
interface Outputs {
  readonly tissue: Float32Array | Uint8Array;
  readonly level: Float32Array | Uint8Array;
  /** logit = (output - zero) * scale */
  readonly scale: number;
  readonly zero: number;
  readonly size: number;
  readonly width: number;
  /** Whether a class has four channels of half the size: upper left, upper right, lower left, lower right pixels. */
  readonly inQuarters: boolean;
}

/**
 * The n-th picture's outputs of a batch.
 * @param marks as on the card: absent, outputs `tissue` and `level`, float32 [N, classes, H, W]; else `marks`, the last
 *   convolution's bytes, uint8 [N, 4 * classes, H / 2, W / 2]
 */
export function outputsOf(
  output: InferenceSession.OnnxValueMapType,
  marks: LocaliserCard['marks'],
  n: number,
  height: number,
  width: number,
): Outputs {
  const size = height * width;
  const of = (name: string, from: number, count: number) =>
    (output[name]!.data as Float32Array | Uint8Array).subarray(from * size, (from + count) * size);
  if (marks === undefined)
    return {
      tissue: of('tissue', n * TISSUES, TISSUES),
      level: of('level', n * LEVEL_CLASSES, LEVEL_CLASSES),
      ...{ scale: 1, zero: 0, size, width, inQuarters: false },
    };
  const first = n * (TISSUES + LEVEL_CLASSES);
  return {
    tissue: of('marks', first, TISSUES),
    level: of('marks', first + TISSUES, LEVEL_CLASSES),
    ...{ ...marks, size, width, inQuarters: true },
  };
}

/** Level logits, read where they are wanted: of few pixels. */
export type LevelAt = (levelClass: number, row: number, column: number) => number;

/** Without the padding: the likeliest tissue of each pixel, the softmax of disc where that is disc, and the level logits. */
export function readOutputs(outputs: Outputs, rows: number, columns: number) {
  const { tissue, scale, zero, size } = outputs;
  const likeliest = new Uint8Array(rows * columns);
  const discShare = new Float32Array(rows * columns);
  for (let row = 0, at = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, at++) {
      const from = placeIn(outputs, row, column);
      const best = likeliestAt(tissue, size, from);
      likeliest[at] = best;
      if (best === TISSUE.disc) discShare[at] = shareAt(tissue, size, from, scale);
    }
  // The network's memory is its own.
  const level = outputs.level.slice();
  const levelAt: LevelAt = (levelClass, row, column) =>
    (level[levelClass * size + placeIn(outputs, row, column)]! - zero) * scale;
  return { tissue: likeliest, discShare, levelAt };
}

function placeIn({ inQuarters, size, width }: Outputs, row: number, column: number): number {
  if (!inQuarters) return row * width + column;
  return (((row & 1) << 1) | (column & 1)) * (size >> 2) + (row >> 1) * (width >> 1) + (column >> 1);
}

/** The first of the largest. */
function likeliestAt(tissue: Outputs['tissue'], size: number, at: number): number {
  let best = 0;
  let top = tissue[at]!;
  for (let k = 1, from = at + size; k < TISSUES; k++, from += size) {
    const value = tissue[from]!;
    if (value > top) {
      best = k;
      top = value;
    }
  }
  return best;
}

/** Softmax of the disc channel where it is the largest. */
function shareAt(tissue: Outputs['tissue'], size: number, at: number, scale: number): number {
  const top = tissue[at + TISSUE.disc * size]!;
  let sum = 0;
  for (let k = 0; k < TISSUES; k++) sum += Math.exp((tissue[at + k * size]! - top) * scale);
  return 1 / sum;
}
