import { LEVELS } from '../../agent/domain/levels.js';
import type { PhantomOptions } from '../../models/phantom/phantom.js';
import { randomFrom } from '../../models/phantom/random.js';

/** Chances a level, beside the seed's own draws. */
const CALCIFIED_ODDS = 0.3;
const GAS_ODDS = 0.08;
const NARROW_ODDS = 0.25;

/**
 * What a seed of the sweep is: curvature, sideways bow, tilt, size, narrow discs, noise, gas, and the ways scanners
 * store pixels. Two in five spines bow sideways, up to a marked scoliosis.
 */
export function sweepSettings(seed: number): Omit<PhantomOptions, 'outDir'> {
  const random = randomFrom('sweep', seed);
  const some = (odds: number) => LEVELS.filter(() => random.chance(odds));
  const calcified = some(CALCIFIED_ODDS);
  const gas = some(GAS_ODDS).filter((level) => !calcified.includes(level));
  const slope = [1, 1, 0.5, 2][Math.floor(random.between(0, 4))]!;
  const signed = random.chance(0.5);
  return {
    seed,
    calcified,
    degenerate: some(NARROW_ODDS),
    curvature: random.between(0.5, 1.4),
    scoliosisMm: random.chance(0.4) ? random.between(-25, 25) : 0,
    tiltDeg: random.between(-8, 8),
    size: random.between(0.85, 1.15),
    noise: random.between(0.5, 2.5),
    mr: {
      slices: 15,
      gapMm: random.between(3.6, 5),
      matrix: random.chance(0.5) ? 256 : 384,
      fieldOfViewMm: random.between(260, 320),
      obliqueDeg: random.between(-8, 8),
    },
    ct: {
      spacingMm: random.between(0.5, 0.9),
      sliceMm: 1,
      fieldOfViewMm: random.between(160, 200),
      slope,
      intercept: signed ? 0 : -1024,
      signed,
      gas,
    },
  };
}
