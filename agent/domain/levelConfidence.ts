import { isReason } from './locateReasons.js';

/**
 * The most that is stated of a level, by what validation supports (docs/localiser.md). Chain posteriors of 0.9999 are
 * no such thing: of 187 real series that no training saw and whose levels were called located, 180 were right (0.96);
 * with n right of n, 1 - 3/n is the most that can be said (Hanley and Lippman-Hand, JAMA 249:1743, 1983), and the 29
 * cross-validated patients, in whatever contrast they were painted, give 0.89.
 */
const SUPPORTED = {
  /** Located in a scan of the kind that was validated. */
  usual: 0.96,
  /** Located where less is known: outside the study, the picture ending soon below L5-S1, CT. */
  unusual: 0.89,
  /** Something speaks against the names. */
  doubted: 0.8,
  /** The sacrum is not seen: of 40 levels in pictures cut above L5-S1, 20 were right. */
  countedFromNothing: 0.5,
} as const;

export type Ground = keyof typeof SUPPORTED;

export function groundOf(isLocated: boolean, isUnusual: boolean, reasons: readonly string[] = []): Ground {
  if (!isLocated) return reasons.some(isReason('sacrumNotSeen')) ? 'countedFromNothing' : 'doubted';
  return isUnusual ? 'unusual' : 'usual';
}

/** @returns 0..1, two decimals: a third would say more than is known */
export function statedConfidence(posterior: number, ground: Ground): number {
  return Math.floor(100 * Math.min(posterior, SUPPORTED[ground])) / 100;
}

const WORDS = [
  [SUPPORTED.usual - 0.01, 'certain'],
  [SUPPORTED.unusual - 0.04, 'probable'],
  [0, 'uncertain'],
] as const satisfies readonly (readonly [from: number, word: string])[];

/** What people read instead of the number. */
export function confidenceWord(confidence: number): (typeof WORDS)[number][1] {
  return WORDS.find(([from]) => confidence >= from)?.[1] ?? 'uncertain';
}
