import sharp from 'sharp';
import { percentiles } from '../../agent/locate/resample.js';
import type { Slice } from './locateVariants.js';

/** Quality of the coding, of 100: strong enough to smooth away the noise of the air. */
const QUALITY = 20;
const RIM_PX = 3;
const WHITE = 4095;

/** In eight bits of a display window, coded by JPEG and back. */
export async function throughJpeg(slice: Slice): Promise<Slice> {
  const { rows, columns, pixels } = slice;
  const [low, high] = percentiles(pixels, [0.5, 99.5]) as [number, number];
  const scale = 255 / Math.max(1, high - low);
  const grey = Uint8Array.from(pixels, (value) => Math.min(255, Math.max(0, (value - low) * scale)));
  const raw = { width: columns, height: rows, channels: 1 } as const;
  const coded = await sharp(grey, { raw }).jpeg({ quality: QUALITY }).toBuffer();
  const back = await sharp(coded).extractChannel(0).raw().toBuffer();
  return { ...slice, pixels: Float32Array.from(back, (value) => 16 * value) };
}

/** A white frame about the picture, as captures and some archives leave it. */
export function rimmed(slice: Slice): Slice {
  const { rows, columns } = slice;
  const isRim = (row: number, col: number) => Math.min(row, col, rows - 1 - row, columns - 1 - col) < RIM_PX;
  return {
    ...slice,
    pixels: slice.pixels.map((value, i) => (isRim(Math.floor(i / columns), i % columns) ? WHITE : value)),
  };
}
