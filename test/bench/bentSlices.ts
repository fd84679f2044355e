import type { Axes } from '../../agent/locate/candidates.js';
import { bilinear } from '../../agent/locate/resample.js';
import type { PixelBox, PixelPoint } from '../../agent/locate/types.js';
import type { Slice } from './locateVariants.js';

/** [along the disc, downwards from it] of a pixel. */
export function within({ centre, along }: Axes, col: number, row: number) {
  const [x, y] = [col - centre[0], row - centre[1]];
  return [x * along[0] + y * along[1], y * along[0] - x * along[1]] as const;
}

export function outOf({ centre, along }: Axes, t: number, s: number): PixelPoint {
  return [centre[0] + t * along[0] - s * along[1], centre[1] + t * along[1] + s * along[0]];
}

/**
 * Slices bent alike, masks and true discs with them.
 * @param from where the picture at (t, s) of these axes is taken from
 */
export function bent(
  slices: readonly Slice[],
  axes: Axes,
  from: (t: number, s: number) => readonly [t: number, s: number],
): Slice[] {
  const source = ([col, row]: PixelPoint): PixelPoint => outOf(axes, ...from(...within(axes, col, row)));
  return slices.map((slice) => {
    const { rows, columns, origin, spacingMm } = slice;
    const pixels = new Float32Array(slice.pixels.length);
    const mask = slice.mask ? new Uint8Array(slice.mask.length) : null;
    for (let row = 0, i = 0; row < rows; row++)
      for (let col = 0; col < columns; col++, i++) {
        const [c, r] = source([col, row]);
        pixels[i] = bilinear(slice, c, r);
        const [near, nearRow] = [Math.round(c), Math.round(r)];
        const isInside = near >= 0 && nearRow >= 0 && near < columns && nearRow < rows;
        if (mask && isInside) mask[i] = slice.mask![nearRow * columns + near]!;
      }
    const discs = slice.discs.map((disc) => {
      const [, y, z] = disc.centrePatientMm;
      const [col, row] = movedTo(source, [(y - origin[1]) / spacingMm, (origin[2] - z) / spacingMm]);
      return {
        ...disc,
        centrePatientMm: [origin[0], origin[1] + col * spacingMm, origin[2] - row * spacingMm] as const,
        boxPixel: disc.boxPixel && boxOf(source, disc.boxPixel),
      };
    });
    return { ...slice, pixels, mask, discs };
  });
}

/** Where a point of the old picture lies in the new one: `source` undone by steps. */
function movedTo(source: (point: PixelPoint) => PixelPoint, point: PixelPoint): PixelPoint {
  let at = point;
  for (let i = 0; i < 30; i++) {
    const [col, row] = source(at);
    at = [at[0] + point[0] - col, at[1] + point[1] - row];
  }
  return at;
}

function boxOf(source: (point: PixelPoint) => PixelPoint, [c0, r0, c1, r1]: PixelBox): PixelBox {
  const corners = (
    [
      [c0, r0],
      [c1, r0],
      [c0, r1],
      [c1, r1],
    ] as const
  ).map((corner) => movedTo(source, corner));
  const [cols, rows] = [corners.map(([col]) => col), corners.map(([, row]) => row)];
  return [Math.min(...cols), Math.min(...rows), Math.max(...cols), Math.max(...rows)];
}
