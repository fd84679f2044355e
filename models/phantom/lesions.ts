import { LEVELS, type Level } from '../../agent/domain/levels.js';
import type { PhantomSettings } from './options.js';
import { randomFrom } from './random.js';

/** A herniation behind one disc, with calcification in it or without. Millimetres, in the wall's coordinates. */
export interface Lesion {
  readonly level: Level;
  /** Middle of the herniation: above the disc's middle, and left of the midline. */
  readonly upMm: number;
  readonly leftMm: number;
  /** How far it reaches behind the posterior wall, and its half height and half width. */
  readonly depthMm: number;
  readonly halfHeightMm: number;
  readonly halfWidthMm: number;
  /** T2 signal relative to the tissue table. */
  readonly brightness: number;
  readonly calcification: Calcification | null;
}

/** A cluster of grains around a core: an ellipsoid whose outer part is broken up by texture. */
export interface Calcification {
  readonly behindMm: number;
  readonly upMm: number;
  readonly radiiMm: readonly [behind: number, up: number, left: number];
  readonly hu: number;
  /** Grain to grain. */
  readonly huSpread: number;
}

const SOFT_HERNIATION_ODDS = 0.3;

export function drawLesions(settings: PhantomSettings): ReadonlyMap<Level, Lesion> {
  const lesions = new Map<Level, Lesion>();
  for (const level of LEVELS) {
    // A generator per level: what is drawn at one level does not change with the choice at another.
    const random = randomFrom('lesion', settings.seed, level);
    const spontaneous = random.chance(SOFT_HERNIATION_ODDS);
    const calcified = settings.calcified.includes(level);
    const herniated = settings.herniated ? settings.herniated.includes(level) : spontaneous;
    const upMm = random.between(-2, 2);
    const leftMm = random.between(-2, 2);
    const depthMm = random.between(5, 7.5);
    const lesion = {
      level,
      upMm,
      leftMm,
      depthMm,
      halfHeightMm: random.between(5, 7),
      halfWidthMm: random.between(7.5, 10),
      brightness: random.between(0.75, 1.3),
    };
    const calcification: Calcification = {
      behindMm: depthMm * random.between(0.3, 0.45),
      upMm: upMm + random.between(-1, 1),
      radiiMm: [depthMm * random.between(0.7, 0.85), random.between(3.8, 5.2), random.between(6, 8)],
      hu: random.between(225, 295),
      huSpread: random.between(22, 34),
    };
    if (calcified || herniated)
      lesions.set(level, { ...lesion, calcification: calcified ? calcification : null });
  }
  return lesions;
}

/** The study's range of a calcified disc (120.1-383.7 HU), kept clear of by what noise and blur may add. */
export const CALCIFICATION_HU = { least: 145, most: 375 } as const;
