import type { DiscCandidate } from './candidates.js';
import type { NamedTrack } from './chain.js';

/** How much canal a slice shows behind its discs, mm2 of disc: what tells the midline from the pedicles. */
export function canalEvidence(candidates: readonly DiscCandidate[]): number {
  return candidates.reduce((sum, { canalBehind, areaMm2 }) => sum + canalBehind * areaMm2, 0);
}

/**
 * The slice nearest to the middle: by where the canal lies, among the slices that show most discs.
 * @param discs the lumbar discs to be shown
 * @returns an index into the slices, or null without any disc
 */
export function midSagittal(
  positionsMm: readonly number[],
  canal: readonly number[],
  discs: readonly NamedTrack[],
): number | null {
  if (discs.length === 0) return null;
  const middle = canalMiddleMm(positionsMm, canal);
  const shown = positionsMm.map(
    (_, i) => discs.filter(({ track }) => track.members.some(({ slice }) => slice === i)).length,
  );
  const most = Math.max(...shown);
  const off = (i: number) => Math.abs(positionsMm[i]! - middle);
  const best = positionsMm.map((_, i) => i).filter((i) => shown[i] === most);
  return best.reduce((a, b) => (off(b) < off(a) ? b : a));
}

/** The centre of the canal across the slices: sides of it are cut symmetrically by the pedicles. */
export function canalMiddleMm(positionsMm: readonly number[], canal: readonly number[]): number {
  const top = Math.max(...canal);
  // A slice through the middle shows the whole canal; half as much is its edge.
  const weights = canal.map((evidence) => Math.max(0, evidence - top / 2));
  const sum = weights.reduce((a, b) => a + b, 0);
  if (sum === 0) return positionsMm[positionsMm.length >> 1]!;
  return weights.reduce((total, weight, i) => total + weight * positionsMm[i]!, 0) / sum;
}

/** A disc's own middle is taken for real when it lies this far from the slice shown. */
const OWN_SLICE_MM = 5;

/**
 * Where across the slices each disc has its middle, by the canal behind it, slice by slice. One that lies further than
 * that from the median with its neighbours is taken for that median, so that one bad estimate is no curve. Null where
 * no canal is seen.
 * @param discs in order along the spine
 * @param furtherMm 0: always the median, which flattens the apex of a curve
 */
export function discMiddlesMm(
  discs: readonly NamedTrack[],
  positionsMm: readonly number[],
  furtherMm = 0,
): readonly (number | null)[] {
  const raw = discs.map(({ track }) => {
    const evidence = positionsMm.map((_, i) =>
      canalEvidence(track.members.filter(({ slice }) => slice === i)),
    );
    return Math.max(...evidence) > 0 ? canalMiddleMm(positionsMm, evidence) : null;
  });
  return raw.map((own, i) => {
    const near = [raw[i - 1], own, raw[i + 1]].filter((mm) => mm !== null && mm !== undefined);
    // At the ends of the row there is no neighbour on the other side: a median of two would straighten the curve.
    const median = near.length < 3 ? own : near.sort((a, b) => a - b)[1]!;
    return own !== null && median !== null && Math.abs(own - median) <= furtherMm ? own : median;
  });
}

/**
 * The slice for one disc: the one shown, unless the spine curves sideways and another is nearer to the disc's middle.
 * @param middleMm the disc's own middle, from discMiddlesMm
 */
export function ownSlice(
  disc: NamedTrack,
  shown: number,
  positionsMm: readonly number[],
  middleMm: number | null,
): number {
  const withDisc = positionsMm
    .map((_, i) => i)
    .filter((i) => disc.track.members.some(({ slice }) => slice === i));
  const isShown = withDisc.includes(shown);
  if (middleMm === null || withDisc.length === 0) return shown;
  if (isShown && Math.abs(positionsMm[shown]! - middleMm) < OWN_SLICE_MM) return shown;
  const off = (i: number) => Math.abs(positionsMm[i]! - middleMm);
  return withDisc.reduce((a, b) => (off(b) < off(a) ? b : a));
}
