import type { DiscCandidate, Surroundings } from './candidates.js';
import { LEVEL_CLASSES } from './logits.js';

/** One disc through the slices: the patches taken for it and what they say together. */
export interface Track {
  readonly members: readonly DiscCandidate[];
  /** In the slices' common plane: [to posterior, to inferior], mm. */
  readonly place: readonly [along: number, down: number];
  /** Unit vector along the disc to posterior, [to posterior, to inferior]. */
  readonly direction: readonly [along: number, down: number];
  /** 0..1, mean over the members by weight. */
  readonly levelShares: readonly number[];
  readonly above: Surroundings;
  readonly below: Surroundings;
  readonly roomBelowMm: number;
  /** Of the disc from front to back where the canal lies behind it, mm. */
  readonly lengthMm: number;
  /** Sum of the members' weights: how much disc there is, in mm2 of slice. */
  readonly strength: number;
}

/** What a slice contributes: its place across the slices and how near the midline it lies by its canal, 0..1. */
export interface SliceWeight {
  readonly positionMm: number;
  readonly weight: number;
}

type Place = (candidate: DiscCandidate) => readonly [along: number, down: number];

/** A disc does not wander further than this between neighbouring slices, in mm per mm of slice distance. */
const LINK_BASE_MM = 7;
const LINK_PER_MM = 0.5;
/** Centres nearer than this are one disc. */
const MERGE_DOWN_MM = 11;
const MERGE_MM = 20;

/** Candidates of all slices to discs, lowest first. `placeOf` gives a candidate's place in the common plane. */
export function tracksOf(
  candidates: readonly (readonly DiscCandidate[])[],
  slices: readonly SliceWeight[],
  placeOf: Place,
): readonly Track[] {
  const start = strongestSlice(candidates, slices);
  const groups: DiscCandidate[][] = [];
  const outwards = slices
    .map((_, i) => i)
    .sort((a, b) => distance(slices, a, start) - distance(slices, b, start));
  for (const slice of outwards) linkSlice(candidates[slice]!, groups, slices, placeOf);
  return merged(groups, placeOf)
    .map((members) => trackOf(members, slices, placeOf))
    .sort((a, b) => b.place[1] - a.place[1]);
}

function distance(slices: readonly SliceWeight[], a: number, b: number): number {
  return Math.abs(slices[a]!.positionMm - slices[b]!.positionMm);
}

function strongestSlice(
  candidates: readonly (readonly DiscCandidate[])[],
  slices: readonly SliceWeight[],
): number {
  const scores = candidates.map((own, i) => slices[i]!.weight * own.reduce((sum, c) => sum + c.areaMm2, 0));
  return scores.indexOf(Math.max(...scores));
}

/** Each patch of a slice goes to the nearest group's nearest member, best pairs first; the rest start groups. */
function linkSlice(
  own: readonly DiscCandidate[],
  groups: DiscCandidate[][],
  slices: readonly SliceWeight[],
  placeOf: Place,
): void {
  const pairs: { candidate: DiscCandidate; group: DiscCandidate[]; apart: number }[] = [];
  for (const candidate of own)
    for (const group of groups) {
      const nearest = nearestMember(group, candidate.slice, slices);
      const gap = distance(slices, nearest.slice, candidate.slice);
      const apart = apartMm(placeOf(nearest), placeOf(candidate));
      if (apart < LINK_BASE_MM + LINK_PER_MM * gap) pairs.push({ candidate, group, apart });
    }
  const taken = new Set<DiscCandidate | DiscCandidate[]>();
  for (const { candidate, group } of pairs.sort((a, b) => a.apart - b.apart)) {
    if (taken.has(candidate) || taken.has(group)) continue;
    group.push(candidate);
    taken.add(candidate).add(group);
  }
  for (const candidate of own) if (!taken.has(candidate)) groups.push([candidate]);
}

/** The first of those that lie nearest to a slice. */
function nearestMember(
  group: readonly DiscCandidate[],
  slice: number,
  slices: readonly SliceWeight[],
): DiscCandidate {
  let nearest = group[0]!;
  for (const member of group)
    if (distance(slices, member.slice, slice) < distance(slices, nearest.slice, slice)) nearest = member;
  return nearest;
}

function merged(groups: readonly DiscCandidate[][], placeOf: Place): DiscCandidate[][] {
  const kept: { members: DiscCandidate[]; place: readonly [number, number] }[] = [];
  const size = (group: readonly DiscCandidate[]) => group.reduce((sum, c) => sum + c.areaMm2, 0);
  for (const group of [...groups].sort((a, b) => size(b) - size(a))) {
    const place = meanPlace(group, placeOf);
    const home = kept.find(
      (other) =>
        Math.abs(other.place[1] - place[1]) < MERGE_DOWN_MM && apartMm(other.place, place) < MERGE_MM,
    );
    if (home) home.members.push(...group);
    else kept.push({ members: [...group], place });
  }
  return kept.map(({ members }) => members);
}

function trackOf(members: readonly DiscCandidate[], slices: readonly SliceWeight[], placeOf: Place): Track {
  const weights = members.map((c) => c.areaMm2 * c.discShare * (0.03 + slices[c.slice]!.weight ** 2));
  const strength = weights.reduce((sum, w) => sum + w, 0);
  const directions = members.map((c) => c.along);
  const places = members.map(placeOf);
  const shares = members.map((c) => c.levelShares);
  const rooms = members.map((c) => [c.roomBelowMm]);
  const [along, down] = [weightedMean(directions, 0, weights), weightedMean(directions, 1, weights)];
  const length = Math.hypot(along, down) || 1;
  return {
    members,
    direction: [along / length, down / length],
    place: [weightedMean(places, 0, weights), weightedMean(places, 1, weights)],
    levelShares: Array.from({ length: LEVEL_CLASSES }, (_, k) => weightedMean(shares, k, weights)),
    above: surroundingsOf(members, 'above', weights),
    below: surroundingsOf(members, 'below', weights),
    roomBelowMm: weightedMean(rooms, 0, weights),
    lengthMm: midlineLengthMm(members),
    strength,
  };
}

function surroundingsOf(
  members: readonly DiscCandidate[],
  side: 'above' | 'below',
  weights: readonly number[],
): Surroundings {
  const shares = members.map((c) => [c[side].vertebra, c[side].sacrum, c[side].outside]);
  return {
    vertebra: weightedMean(shares, 0, weights),
    sacrum: weightedMean(shares, 1, weights),
    outside: weightedMean(shares, 2, weights),
  };
}

/** Of one column. */
function weightedMean(rows: readonly (readonly number[])[], k: number, weights: readonly number[]): number {
  let [sum, all] = [0, 0];
  for (let i = 0; i < rows.length; i++) {
    sum += rows[i]![k]! * weights[i]!;
    all += weights[i]!;
  }
  return sum / all;
}

/** Off the midline discs are shorter; where no slice shows the canal, all slices count alike. */
const NO_CANAL = 0.02;

function midlineLengthMm(members: readonly DiscCandidate[]): number {
  const weights = members.map(({ canalBehind }) => (NO_CANAL + canalBehind) ** 2);
  const sum = weights.reduce((a, b) => a + b, 0);
  return members.reduce((total, { lengthMm }, i) => total + weights[i]! * lengthMm, 0) / sum;
}

function meanPlace(group: readonly DiscCandidate[], placeOf: Place): readonly [number, number] {
  const area = group.reduce((sum, c) => sum + c.areaMm2, 0);
  const mean = (axis: 0 | 1) => group.reduce((sum, c) => sum + placeOf(c)[axis] * c.areaMm2, 0) / area;
  return [mean(0), mean(1)];
}

/** How far the upper disc lies behind the lower one along their common direction: large in a slip, or off the spine. */
export function slipMm(lower: Track, upper: Track): number {
  const sum = [lower.direction[0] + upper.direction[0], lower.direction[1] + upper.direction[1]] as const;
  const length = Math.hypot(...sum) || 1;
  const step = [upper.place[0] - lower.place[0], upper.place[1] - lower.place[1]] as const;
  return (step[0] * sum[0] + step[1] * sum[1]) / length;
}

export function apartMm(a: readonly [number, number], b: readonly [number, number]): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
