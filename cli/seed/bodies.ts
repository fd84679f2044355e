import type { PictureFigures } from '../../agent/domain/pictureFigures.js';
import { openChance } from './chance.js';
import { SEED_BLUR, type SeedScanner } from './truth.js';

/** What the images say of the patient; null where they do not. */
export interface SeededBody {
  readonly sizeM: number | null;
  readonly weightKg: number | null;
}

/** One in eight says no weight. By a stream of chance of its own: studies are as they would be without. */
export function bodyOf(seed: number, number: number, sex: 'F' | 'M'): SeededBody {
  const chance = openChance(seed * 7919 + number);
  const isSaid = chance.share() >= 0.125;
  const sizeM = chance.normal(sex === 'F' ? 1.65 : 1.78, 0.07);
  const bmi = Math.max(16, chance.normal(27, 4.6));
  const sizeCm = Math.round(100 * sizeM);
  return { sizeM: sizeCm / 100, weightKg: isSaid ? Math.round(bmi * (sizeCm / 100) ** 2) : null };
}

/** Of a scanner's own kind, and blurred from one day on, on one of them. */
export function picturesOf(seed: number, number: number, day: number, scanner: SeedScanner): PictureFigures {
  const chance = openChance(seed * 104_729 + number);
  const isBlurred = scanner.station === SEED_BLUR.station && day >= SEED_BLUR.day;
  const usual = 0.085 * (0.6 / scanner.spacingMm) * (isBlurred ? SEED_BLUR.sharpness : 1);
  return {
    grey: chance.normal(scanner.fieldStrengthT > 2 ? 98 : 90, 8),
    noise: Math.exp(chance.normal(scanner.fieldStrengthT > 2 ? -3.2 : -2.8, 0.25)),
    sharpness: usual * Math.exp(chance.normal(0, 0.09)),
  };
}
