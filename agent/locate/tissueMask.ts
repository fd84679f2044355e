import type { Marked } from './network.js';
import type { SagittalImage } from './sagittal.js';

/** 1 where a picture's pixel lies in that tissue of the network's grid. */
export function tissueMask(
  { rows, columns }: Pick<SagittalImage, 'rows' | 'columns'>,
  marked: Marked,
  tissue: number,
): Uint8Array {
  const colOf = Int32Array.from({ length: columns }, (_, col) =>
    Math.min(marked.columns - 1, Math.floor((col + 0.5) / marked.colScale)),
  );
  const mask = new Uint8Array(rows * columns);
  for (let row = 0, at = 0; row < rows; row++) {
    const from = Math.min(marked.rows - 1, Math.floor((row + 0.5) / marked.rowScale)) * marked.columns;
    for (let col = 0; col < columns; col++, at++)
      if (marked.tissue[from + colOf[col]!] === tissue) mask[at] = 1;
  }
  return mask;
}

/** Null for an empty mask. */
export function meanOver(pixels: Float32Array, mask: Uint8Array): number | null {
  let [sum, count] = [0, 0];
  for (let at = 0; at < mask.length; at++)
    if (mask[at] === 1) {
      sum += pixels[at]!;
      count++;
    }
  return count === 0 ? null : sum / count;
}
