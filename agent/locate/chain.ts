import { apartMm, slipMm, type Track } from './tracks.js';

/**
 * The chain model: which disc is which. Order, spacing, what lies above and below each disc (vertebra or sacrum)
 * and the network's own level classes are weighed together over all ways to name the discs from below, and every
 * name gets its posterior probability. No single clue decides: each fails where the others do not.
 */

/** Names as numbers from below: -1 is S1-S2 (or no disc at all), 0 is L5-S1, 4 is L1-L2, 5 and up lie above. */
export type Rank = number;
const RANKS: readonly Rank[] = [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const ABOVE_CLASS = 5;
const BELOW_CLASS = 6;

export interface NamedTrack {
  readonly track: Track;
  /** Null: taken for no disc. */
  readonly rank: Rank | null;
  /** Posterior probability of that name, 0..1. */
  readonly confidence: number;
}

/** How much each clue counts, as log-likelihoods: from anatomy, not fitted to patients (docs/design.md). */
const CHAIN = {
  /** The level head sees one picture: its clues from several discs of one spine are not independent. */
  levelWeight: 0.6,
  levelFloor: 0.02,
  sideWeight: 2.5,
  sideFloor: 0.08,
  /** So much of a disc's neighbourhood must be bone for the clue to count in full. */
  sideSeen: 0.4,
  /** Neighbouring lumbar discs of adults, centre to centre, and the limits for one spine's own median. */
  stepMm: 34,
  stepLimitsMm: [24, 46],
  /** Standard deviation of the logarithm of a step against the spine's own. */
  stepSpread: 0.2,
  /** Standard deviation of a neighbour's offset along the discs, as a share of the step (slips are rarely more). */
  slipSpread: 0.22,
  /** A disc inside the row that the network missed. */
  missedDisc: -4,
  /** A patch that is taken for no disc, and one with as much tissue as the usual disc. */
  skip: -1,
  skipWholeDisc: -10,
  /** A disc with less than this share of the usual disc's tissue is the less likely one, by this power of it. */
  faintShare: 0.25,
  faintPower: 2,
  /** The lowest disc found is L5-S1, if nothing else is known. */
  startsBelow: -2,
  startsAbove: -3,
} as const;

/** @param tracks lowest first, as tracksOf gives them */
export function nameDiscs(tracks: readonly Track[]): readonly NamedTrack[] {
  if (tracks.length === 0) return [];
  const model = scoresOf(tracks);
  const forward = forwardScores(model);
  const backward = backwardScores(model);
  const total = logSum(
    tracks.flatMap((_, i) => RANKS.map((_, r) => model.start(i, r) + model.emit(i, r) + backward[i]![r]!)),
  );
  return tracks.map((track, i) => {
    const posterior = RANKS.map((_, r) => Math.exp(forward[i]![r]! + backward[i]![r]! - total));
    const none = 1 - posterior.reduce((sum, p) => sum + p, 0);
    const best = posterior.indexOf(Math.max(...posterior));
    const isNone = none > posterior[best]!;
    return {
      track,
      rank: isNone ? null : RANKS[best]!,
      confidence: Math.min(1, Math.max(0, isNone ? none : posterior[best]!)),
    };
  });
}

/** Log-scores; `r` indexes RANKS. A way to name the tracks: one start, steps upwards, one end; the rest is skipped. */
interface Scores {
  readonly count: number;
  start(i: number, r: number): number;
  emit(i: number, r: number): number;
  step(i: number, r: number, j: number, s: number): number;
  end(i: number): number;
}

function scoresOf(tracks: readonly Track[]): Scores {
  const strengths = tracks.map(({ strength }) => strength).sort((a, b) => b - a);
  const usual = strengths[Math.min(2, strengths.length - 1)]!;
  const skip = tracks.map(({ strength }) => CHAIN.skip + CHAIN.skipWholeDisc * Math.min(1, strength / usual));
  const skipped = (from: number, to: number) => skip.slice(from, to).reduce((sum, cost) => sum + cost, 0);
  const faint = tracks.map(
    ({ strength }) =>
      CHAIN.faintPower * Math.log(Math.min(1, (strength + 1e-6) / (CHAIN.faintShare * usual))),
  );
  const emitted = tracks.map((track, i) => RANKS.map((rank) => faint[i]! + emission(track, rank)));
  const stepMm = usualStep(tracks);
  return {
    count: tracks.length,
    start: (i, r) => skipped(0, i) + startPrior(RANKS[r]!),
    emit: (i, r) => emitted[i]![r]!,
    step: (i, r, j, s) => skipped(i + 1, j) + stepScore(tracks[i]!, tracks[j]!, s - r, stepMm),
    end: (i) => skipped(i + 1, tracks.length),
  };
}

function startPrior(rank: Rank): number {
  if (rank < 0) return CHAIN.startsBelow;
  return rank === 0 ? 0 : CHAIN.startsAbove;
}

function emission(track: Track, rank: Rank): number {
  const levelClass = rank < 0 ? BELOW_CLASS : Math.min(rank, ABOVE_CLASS);
  const level = Math.log(track.levelShares[levelClass]! + CHAIN.levelFloor);
  const above = sideScore(track.above, rank < 0 ? 'sacrum' : 'vertebra');
  const below = sideScore(track.below, rank <= 0 ? 'sacrum' : 'vertebra');
  return CHAIN.levelWeight * level + CHAIN.sideWeight * (above + below);
}

function sideScore(side: Track['above'], expected: 'vertebra' | 'sacrum'): number {
  const seen = side.vertebra + side.sacrum;
  const share = (side[expected] + CHAIN.sideFloor) / (seen + 2 * CHAIN.sideFloor);
  return Math.min(1, seen / CHAIN.sideSeen) * Math.log(share);
}

function stepScore(lower: Track, upper: Track, ranks: number, stepMm: number): number {
  const apart = apartMm(lower.place, upper.place);
  const off = Math.log(apart / (ranks * stepMm)) / CHAIN.stepSpread;
  const slip = slipMm(lower, upper) / apart / CHAIN.slipSpread;
  return -0.5 * (off * off + slip * slip) + CHAIN.missedDisc * (ranks - 1);
}

/** The spine's own distance between neighbouring discs: the median, within what adults have. */
export function usualStep(tracks: readonly Track[]): number {
  const steps = tracks.slice(1).map((track, i) => apartMm(track.place, tracks[i]!.place));
  if (steps.length === 0) return CHAIN.stepMm;
  const median = steps.sort((a, b) => a - b)[steps.length >> 1]!;
  return Math.min(CHAIN.stepLimitsMm[1], Math.max(CHAIN.stepLimitsMm[0], median));
}

/** The sum over all ways that lead to track i with rank r, its own emission included. */
function forwardScores(model: Scores): number[][] {
  const forward: number[][] = [];
  for (let j = 0; j < model.count; j++) {
    forward.push(
      RANKS.map((_, s) => {
        const ways = [model.start(j, s)];
        for (let i = 0; i < j; i++)
          for (let r = 0; r < s; r++) ways.push(forward[i]![r]! + model.step(i, r, j, s));
        return model.emit(j, s) + logSum(ways);
      }),
    );
  }
  return forward;
}

/** The sum over all ways that lead on from track i with rank r, its own emission left out. */
function backwardScores(model: Scores): number[][] {
  const backward: number[][] = new Array(model.count);
  for (let i = model.count - 1; i >= 0; i--) {
    backward[i] = RANKS.map((_, r) => {
      const ways = [model.end(i)];
      for (let j = i + 1; j < model.count; j++)
        for (let s = r + 1; s < RANKS.length; s++)
          ways.push(model.step(i, r, j, s) + model.emit(j, s) + backward[j]![s]!);
      return logSum(ways);
    });
  }
  return backward;
}

function logSum(values: readonly number[]): number {
  const top = Math.max(...values);
  return top + Math.log(values.reduce((sum, value) => sum + Math.exp(value - top), 0));
}
