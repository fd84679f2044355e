import { REGION_PIXELS } from '../agent/domain/regionPicture.js';

export interface Normalisation {
  /** Per channel, of grey / 255. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/**
 * A batch as the networks take it: float32 [count, 3, 224, 224], each channel (grey / 255 - mean) / std.
 * @param greys count * 224 * 224 grey values, one region after the other
 */
export type Normalise = (greys: Uint8Array) => Float32Array;

/**
 * A grey value has only 256 normalised values per channel, so they are looked up; all three in one pass, and into
 * memory that the next call uses again (0.17 ms per region; pass by pass into fresh memory 0.8).
 */
export function createNormaliser({ mean, std }: Normalisation): Normalise {
  const tableOf = (channel: 0 | 1 | 2) =>
    Float32Array.from({ length: 256 }, (_, grey) => (grey / 255 - mean[channel]) / std[channel]);
  const [first, second, third] = [tableOf(0), tableOf(1), tableOf(2)];
  let memory = new Float32Array(0);
  return (greys) => {
    if (memory.length < greys.length * 3) memory = new Float32Array(greys.length * 3);
    for (let from = 0; from < greys.length; from += REGION_PIXELS) {
      const to1 = from * 3;
      const to2 = to1 + REGION_PIXELS;
      const to3 = to2 + REGION_PIXELS;
      for (let i = 0; i < REGION_PIXELS; i++) {
        const grey = greys[from + i]!;
        memory[to1 + i] = first[grey]!;
        memory[to2 + i] = second[grey]!;
        memory[to3 + i] = third[grey]!;
      }
    }
    return memory.subarray(0, greys.length * 3);
  };
}
