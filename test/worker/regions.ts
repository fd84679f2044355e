import { join } from 'node:path';
import sharp from 'sharp';
import { REGION_PIXELS, REGION_SIDE } from '../../agent/domain/regionPicture.js';
import { projectRoot } from '../../config/root.js';

/** A folder laid out as models/ is, with a classifier of a few hundred bytes. */
export const fixtureModels = join(projectRoot, 'test', 'fixtures');

/** Grey values of a region with structure: blobs on a gradient, another for every seed. */
export function greyRegion(seed: number): Uint8Array {
  const grey = new Uint8Array(REGION_PIXELS);
  for (let i = 0; i < REGION_PIXELS; i++) {
    const row = Math.floor(i / REGION_SIDE);
    const col = i % REGION_SIDE;
    const wave = Math.sin((row + 7 * seed) / 19) * Math.cos((col - 11 * seed) / 23);
    grey[i] = Math.round(110 + 60 * wave + ((row + seed * 13) % 50) + 0.1 * col);
  }
  return grey;
}

export function pngOf(grey: Uint8Array, width = REGION_SIDE, height = REGION_SIDE): Promise<Buffer> {
  return sharp(grey, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
}
