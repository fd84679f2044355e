import type { InferenceSession } from 'onnxruntime-node';

/** Channels of the tissue head, as the card lists them. */
export const TISSUE = { background: 0, vertebra: 1, canal: 2, disc: 3 } as const;
const TISSUES = Object.keys(TISSUE).length;
/** Channels of the level head: the five lumbar discs from below, then what is above and what is below. */
export const LEVEL_CLASSES = 7;

/** Where a pixel's logit lies: class k's at `k * size + place`. */
interface Layout {
  readonly size: number;
  /** Of a row's pixels: those of even columns lie from `even` on, each `step` further than the last, odd ones from `odd` on. */
  row(row: number): { readonly even: number; readonly odd: number; readonly step: number };
}

/** Logits of one picture, padded. */
interface Logits {
  readonly layout: Layout;
  readonly tissue: Float32Array;
  readonly level: Float32Array;
}

/**
 * The n-th picture's logits of a batch.
 * @param subPixels as on the card: 1, outputs `tissue` and `level` row by row; 2, an output `marks` of the last
 *   convolution, where each class has four channels of half the size: upper left, upper right, lower left, lower right
 */
export function logitsOf(
  output: InferenceSession.OnnxValueMapType,
  subPixels: 1 | 2,
  n: number,
  height: number,
  width: number,
): Logits {
  const size = height * width;
  const of = (name: string, from: number, count: number) =>
    (output[name]!.data as Float32Array).subarray(from * size, (from + count) * size);
  if (subPixels === 1)
    return {
      layout: { size, row: (row) => ({ even: row * width, odd: row * width + 1, step: 2 }) },
      tissue: of('tissue', n * TISSUES, TISSUES),
      level: of('level', n * LEVEL_CLASSES, LEVEL_CLASSES),
    };
  const first = n * (TISSUES + LEVEL_CLASSES);
  const row = (at: number) => {
    const even = (at % 2) * (size >> 1) + (at >> 1) * (width >> 1);
    return { even, odd: even + (size >> 2), step: 1 };
  };
  return {
    layout: { size, row },
    tissue: of('marks', first, TISSUES),
    level: of('marks', first + TISSUES, LEVEL_CLASSES),
  };
}

/** Level logits, read where they are wanted: of few pixels. */
export type LevelAt = (levelClass: number, row: number, column: number) => number;

/** Without the padding: the likeliest tissue of each pixel, the softmax of disc where that is disc, and the level logits. */
export function readLogits({ layout, tissue, level }: Logits, rows: number, columns: number) {
  const { size } = layout;
  const likeliest = new Uint8Array(rows * columns);
  const discShare = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const { even, odd, step } = layout.row(row);
    for (let column = 0, at = row * columns; column < columns; column++, at++) {
      const from = (column & 1 ? odd : even) + (column >> 1) * step;
      const best = likeliestAt(tissue, size, from);
      likeliest[at] = best;
      if (best === TISSUE.disc) discShare[at] = shareAt(tissue, size, from);
    }
  }
  // The network's memory is its own.
  const kept = level.slice();
  const levelAt: LevelAt = (levelClass, row, column) => {
    const { even, odd, step } = layout.row(row);
    return kept[levelClass * size + (column & 1 ? odd : even) + (column >> 1) * step]!;
  };
  return { tissue: likeliest, discShare, levelAt };
}

/** The first of the largest. */
function likeliestAt(tissue: Float32Array, size: number, at: number): number {
  let best = 0;
  let top = tissue[at]!;
  for (let k = 1, from = at + size; k < TISSUES; k++, from += size) {
    const logit = tissue[from]!;
    if (logit > top) {
      best = k;
      top = logit;
    }
  }
  return best;
}

/** Softmax of the disc channel where it is the largest. */
function shareAt(tissue: Float32Array, size: number, at: number): number {
  const top = tissue[at + TISSUE.disc * size]!;
  let sum = 0;
  for (let k = 0; k < TISSUES; k++) sum += Math.exp(tissue[at + k * size]! - top);
  return 1 / sum;
}
