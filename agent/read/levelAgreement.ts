import type { ChoiceAgreement } from '../../db/tables/choices.js';
import { LEVELS } from '../domain/levels.js';
import { nameOf, type SeriesCandidate } from './candidate.js';

/** Fewer discs in common than this say nothing. */
const FEWEST_DISCS = 3;

/**
 * What the other series of the chosen one's frame of reference say of its levels: the same discs lie at the same place
 * in the patient, whatever the contrast. Only levels that the other series itself is sure of count.
 * @param maxMm how far apart two series may see the same disc, in the sagittal plane
 */
export function levelAgreement(
  chosen: SeriesCandidate,
  others: readonly SeriesCandidate[],
  maxMm: number,
): ChoiceAgreement {
  const agrees: { seriesInstanceUid: string; medianMm: number }[] = [];
  const doubts: string[] = [];
  for (const other of others.filter((each) => isComparable(chosen, each))) {
    const same = medianMm(chosen, other, 0);
    if (same === null) continue;
    if (same <= maxMm) {
      agrees.push({ seriesInstanceUid: other.seriesInstanceUid, medianMm: Math.round(same * 10) / 10 });
      continue;
    }
    const shifted = [-1, 1].map((by) => medianMm(chosen, other, by) ?? Number.POSITIVE_INFINITY);
    const isShifted = Math.min(...shifted) <= maxMm;
    doubts.push(
      isShifted
        ? `${nameOf(other)} names the same discs one level apart`
        : `${nameOf(other)} finds the same levels ${same.toFixed(0)} mm away`,
    );
  }
  return { agrees, doubts };
}

function isComparable(chosen: SeriesCandidate, other: SeriesCandidate): boolean {
  return (
    other.seriesInstanceUid !== chosen.seriesInstanceUid &&
    other.reading.status === 'located' &&
    chosen.frameOfReferenceUid !== null &&
    other.frameOfReferenceUid === chosen.frameOfReferenceUid
  );
}

/** Median distance of the discs of the same name, or of names `shift` apart; null with too few to compare. */
function medianMm(a: SeriesCandidate, b: SeriesCandidate, shift: number): number | null {
  const distances = LEVELS.flatMap((level, i) => {
    const [one, other] = [discOf(a, level), discOf(b, LEVELS[i + shift])];
    // Across the patient each series may have taken another slice.
    return one && other ? [Math.hypot(one[1] - other[1], one[2] - other[2])] : [];
  }).sort((x, y) => x - y);
  return distances.length < FEWEST_DISCS ? null : distances[distances.length >> 1]!;
}

function discOf({ reading }: SeriesCandidate, level: (typeof LEVELS)[number] | undefined) {
  return reading.discs.find((disc) => disc.level === level)?.centrePatientMm;
}
