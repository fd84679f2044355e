import type { NamedTrack } from './chain.js';
import { type Marked, TISSUE } from './network.js';

/** mm2 of spinal canal in a marked picture: what tells the midline from the pedicles. */
export function canalAreaMm2({ tissue, spacingMm }: Marked): number {
  let count = 0;
  for (const value of tissue) if (value === TISSUE.canal) count++;
  return count * spacingMm ** 2;
}

/**
 * The slice nearest to the middle: by where the canal lies, by which slices show the discs, and how large.
 * @param discs the lumbar discs to be shown
 * @returns an index into the slices, or null without any disc
 */
export function midSagittal(
  positionsMm: readonly number[],
  canalMm2: readonly number[],
  discs: readonly NamedTrack[],
): number | null {
  if (discs.length === 0) return null;
  const middle = canalMiddleMm(positionsMm, canalMm2);
  const shown = positionsMm.map(
    (_, i) => discs.filter(({ track }) => track.members.some(({ slice }) => slice === i)).length,
  );
  const most = Math.max(...shown);
  const off = (i: number) => Math.abs(positionsMm[i]! - middle);
  const best = positionsMm.map((_, i) => i).filter((i) => shown[i] === most);
  return best.reduce((a, b) => (off(b) < off(a) ? b : a));
}

/** The centre of the canal across the slices: sides of it are cut symmetrically by the pedicles. */
export function canalMiddleMm(positionsMm: readonly number[], canalMm2: readonly number[]): number {
  const top = Math.max(...canalMm2);
  // A slice through the middle shows the whole canal; half as much is its edge.
  const weights = canalMm2.map((area) => Math.max(0, area - top / 2));
  const sum = weights.reduce((a, b) => a + b, 0);
  if (sum === 0) return positionsMm[positionsMm.length >> 1]!;
  return weights.reduce((total, weight, i) => total + weight * positionsMm[i]!, 0) / sum;
}
