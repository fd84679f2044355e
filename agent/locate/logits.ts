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

/** Level logits of a pixel, LEVEL_CLASSES of them, read where they are wanted: of few pixels. */
export type LevelsAt = (row: number, column: number, into: Float64Array) => void;

/** Softmax of the disc channel of a pixel where disc is the likeliest. */
export type DiscShareAt = (row: number, column: number) => number;

/** Without the padding: the likeliest tissue of each pixel, and what is read of few. */
export function readOutputs(outputs: Outputs, rows: number, columns: number) {
  const likeliest = new Uint8Array(rows * columns);
  const step = outputs.inQuarters ? 2 : 1;
  for (let top = 0; top < step; top++)
    for (let left = 0; left < step; left++) readEvery(step, top, left, outputs, { rows, columns, likeliest });
  const { tissue, level, size, zero, scale } = outputs;
  const levelsAt: LevelsAt = (row, column, into) => {
    for (let k = 0, from = placeIn(outputs, row, column); k < LEVEL_CLASSES; k++, from += size)
      into[k] = (level[from]! - zero) * scale;
  };
  const discShareAt: DiscShareAt = (row, column) =>
    Math.fround(shareAt(tissue, size, placeIn(outputs, row, column), scale));
  return { tissue: likeliest, discShareAt, levelsAt };
}

interface Read {
  readonly rows: number;
  readonly columns: number;
  readonly likeliest: Uint8Array;
}

/** Every `step`-th pixel of every `step`-th row: they lie one after the other in the outputs. */
function readEvery(step: 1 | 2, top: number, left: number, outputs: Outputs, into: Read): void {
  const { tissue, size } = outputs;
  const { rows, columns, likeliest } = into;
  const [vertebra, canal, disc] = [TISSUE.vertebra, TISSUE.canal, TISSUE.disc].map((k) =>
    tissue.subarray(k * size),
  ) as [typeof tissue, typeof tissue, typeof tissue];
  for (let row = top; row < rows; row += step) {
    let from = placeIn(outputs, row, left);
    for (let column = left, at = row * columns + left; column < columns; column += step, at += step) {
      // The first of the largest.
      let best = 0;
      let most = tissue[from]!;
      if (vertebra[from]! > most) {
        best = TISSUE.vertebra;
        most = vertebra[from]!;
      }
      if (canal[from]! > most) {
        best = TISSUE.canal;
        most = canal[from]!;
      }
      if (disc[from]! > most) best = TISSUE.disc;
      if (best !== 0) likeliest[at] = best;
      from++;
    }
  }
}

function placeIn({ inQuarters, size, width }: Outputs, row: number, column: number): number {
  if (!inQuarters) return row * width + column;
  return (((row & 1) << 1) | (column & 1)) * (size >> 2) + (row >> 1) * (width >> 1) + (column >> 1);
}

/** Softmax of the disc channel where it is the largest. */
function shareAt(tissue: Outputs['tissue'], size: number, at: number, scale: number): number {
  const top = tissue[at + TISSUE.disc * size]!;
  let sum = 0;
  for (let k = 0; k < TISSUES; k++) sum += Math.exp((tissue[at + k * size]! - top) * scale);
  return 1 / sum;
}
