import { REGION_PIXELS } from './region.js';

export interface Normalisation {
  /** Per channel, of grey / 255. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/**
 * A batch as the networks take it: float32 [count, 3, 224, 224], each channel (grey / 255 - mean) / std.
 * A grey value has only 256 normalised values per channel, so they are looked up.
 * @param greys count * 224 * 224 grey values, one region after the other
 */
export function toTensor(greys: Uint8Array, { mean, std }: Normalisation): Float32Array {
  const count = greys.length / REGION_PIXELS;
  const tensor = new Float32Array(greys.length * 3);
  for (let channel = 0; channel < 3; channel++) {
    const table = Float32Array.from({ length: 256 }, (_, g) => (g / 255 - mean[channel]!) / std[channel]!);
    for (let n = 0; n < count; n++) {
      const from = n * REGION_PIXELS;
      const to = (n * 3 + channel) * REGION_PIXELS;
      for (let i = 0; i < REGION_PIXELS; i++) tensor[to + i] = table[greys[from + i]!]!;
    }
  }
  return tensor;
}
