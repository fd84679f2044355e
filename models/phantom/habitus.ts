import type { PhantomSettings } from './options.js';
import { randomFrom } from './random.js';

/** What differs from patient to patient beside the spine's shape. Lengths in mm. */
export interface Habitus {
  /** Relative to the tissue table. */
  readonly marrowMr: number;
  /** Added to the table: bone density. */
  readonly marrowHu: number;
  readonly canalMm: number;
  /** Subcutaneous fat behind the spinous processes. */
  readonly fatMm: number;
  readonly lumbarFatMm: number;
  /** From the middle of the sacral end plate to the skin of the belly. */
  readonly bellyMm: number;
  /** Fat within muscle, 0..1. */
  readonly muscleFat: number;
}

export function drawHabitus(settings: PhantomSettings): Habitus {
  const random = randomFrom('habitus', settings.seed);
  return {
    marrowMr: random.between(0.75, 1.25),
    marrowHu: random.between(-30, 35),
    canalMm: random.between(15, 17.5),
    fatMm: random.between(6, 14),
    lumbarFatMm: random.between(4, 20),
    bellyMm: random.between(115, 150),
    muscleFat: random.between(0.05, 0.3),
  };
}
