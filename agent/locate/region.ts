import { REGION_PIXELS, REGION_SIDE } from '../domain/regionPicture.js';
import { bilinearInside, type Grid } from './resample.js';
import type { PixelBox } from './types.js';

/** Grey runs between these percentiles of the whole slice. */
export const GREY_PERCENTILES = [1, 99.5] as const;

/**
 * The study's region: centred on the disc, reaching `marginMm` beyond it above and below, in front and behind.
 * @param extent the disc's [col0, row0, col1, row1]
 * @param spacingMm [row, column]
 */
export function regionOf(extent: PixelBox, spacingMm: readonly [number, number], marginMm: number): PixelBox {
  const [col0, row0, col1, row1] = extent;
  const [down, along] = [marginMm / spacingMm[0], marginMm / spacingMm[1]];
  return [col0 - along, row0 - down, col1 + along, row1 + down];
}

/**
 * The region as the classifier sees it, bilinear, edge pixels repeated outside the slice. Where a new pixel is
 * larger than two old ones the slice is averaged down by a whole factor first.
 * @param low, high the slice's grey percentiles
 */
export function regionPixels(slice: Grid, box: PixelBox, low: number, high: number): Uint8Array {
  const [col0, row0, col1, row1] = box;
  const [width, height] = [(col1 - col0) / REGION_SIDE, (row1 - row0) / REGION_SIDE];
  const factor = { col: shrinkFactor(width), row: shrinkFactor(height) };
  const grid = factor.col > 1 || factor.row > 1 ? boxMean(slice, factor.row, factor.col) : slice;
  const grey = new Uint8Array(REGION_PIXELS);
  const scale = 255 / Math.max(high - low, 1e-6);
  const cols = placesOf(col0, width, factor.col, grid.columns - 1);
  const rows = placesOf(row0, height, factor.row, grid.rows - 1);
  for (let i = 0, at = 0; i < REGION_SIDE; i++)
    for (let k = 0; k < REGION_SIDE; k++, at++) {
      const value = (bilinearInside(grid, cols[k]!, rows[i]!) - low) * scale;
      grey[at] = Math.min(255, Math.max(0, Math.round(value)));
    }
  return grey;
}

/** Indices along one side into the averaged slice, within it. */
function placesOf(first: number, size: number, factor: number, last: number): Float64Array {
  return Float64Array.from({ length: REGION_SIDE }, (_, i) => {
    const at = (first + (i + 0.5) * size + 0.5) / factor - 0.5;
    return Math.min(Math.max(at, 0), last);
  });
}

function shrinkFactor(scale: number): number {
  return scale > 2 ? Math.floor(scale) : 1;
}

/** Whole blocks only: a rest at the lower or right edge narrower than a block is left out. */
function boxMean({ pixels, rows, columns }: Grid, rowFactor: number, colFactor: number): Grid {
  const small = { rows: Math.floor(rows / rowFactor), columns: Math.floor(columns / colFactor) };
  const means = new Float32Array(small.rows * small.columns);
  for (let row = 0; row < small.rows; row++)
    for (let col = 0; col < small.columns; col++) {
      let sum = 0;
      for (let r = 0; r < rowFactor; r++)
        for (let c = 0; c < colFactor; c++)
          sum += pixels[(row * rowFactor + r) * columns + col * colFactor + c]!;
      means[row * small.columns + col] = sum / (rowFactor * colFactor);
    }
  return { pixels: means, ...small };
}
