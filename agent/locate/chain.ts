import type { Surroundings } from './candidates.js';
import { bestWay, posteriorsOf, type Scores } from './chainWays.js';
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
  /**
   * Length of the lowest disc against the median of the next four, front to back. In 25 spines L5-S1 had 0.98 with a
   * standard deviation of 0.10, and the sacrum where S1 meets S2 0.62 with 0.07, to which a disc's own adds. One in
   * twenty is otherwise (a slip, a collapsed disc): evenly, for want of better.
   */
  lumbarLength: { mean: 0.98, spread: 0.11 },
  sacralLength: { mean: 0.62, spread: 0.11 },
  oddLength: 0.05,
  /** The lowest disc found is L5-S1, if nothing else is known. */
  startsBelow: -2,
  startsAbove: -3,
} as const;

/** @param tracks lowest first, as tracksOf gives them */
export function nameDiscs(tracks: readonly Track[]): readonly NamedTrack[] {
  if (tracks.length === 0) return [];
  const model = new SpineScores(tracks);
  const posteriors = posteriorsOf(model);
  const way = bestWay(model);
  return tracks.map((track, i) => {
    const named = way[i]!;
    const share = named === null ? 1 - posteriors[i]!.reduce((sum, p) => sum + p, 0) : posteriors[i]![named]!;
    return {
      track,
      rank: named === null ? null : RANKS[named]!,
      confidence: Math.min(1, Math.max(0, share)),
    };
  });
}

/** Methods and tables, no functions made anew for each spine: those were compiled anew for each, a tenth of a second. */
class SpineScores implements Scores {
  readonly count: number;
  readonly ranks = RANKS.length;
  /** By track and rank. */
  readonly #starts: Float64Array;
  readonly #emitted: Float64Array;
  /** By lower track, upper track and ranks between them. */
  readonly #steps: Float64Array;
  readonly #sacrumBelow: Float64Array;
  readonly #ends: Float64Array;

  constructor(tracks: readonly Track[]) {
    const { length } = tracks;
    const usual = usualStrength(tracks);
    const skip = skipCosts(tracks, usual);
    const stepMm = usualStep(tracks);
    this.count = length;
    this.#starts = new Float64Array(length * this.ranks);
    this.#emitted = new Float64Array(length * this.ranks);
    this.#steps = new Float64Array(length * length * this.ranks);
    this.#sacrumBelow = Float64Array.from(tracks, sacrumBelow);
    this.#ends = Float64Array.from(tracks, (_, i) => skipped(skip, i + 1, length));
    for (const [i, track] of tracks.entries()) {
      const before = skipped(skip, 0, i);
      const faint = faintScore(track, usual);
      const row = tracks.slice(i);
      for (const [r, rank] of RANKS.entries()) {
        this.#starts[i * this.ranks + r] = before + startPrior(rank) + lengthScore(row, usual, rank);
        this.#emitted[i * this.ranks + r] = faint + emission(track, rank);
      }
      for (let j = i + 1; j < length; j++)
        for (let ranks = 1; ranks < this.ranks; ranks++)
          this.#steps[(i * length + j) * this.ranks + ranks] =
            skipped(skip, i + 1, j) + stepScore(track, tracks[j]!, ranks, stepMm);
    }
  }

  start(i: number, r: number): number {
    return this.#starts[i * this.ranks + r]!;
  }

  emit(i: number, r: number): number {
    return this.#emitted[i * this.ranks + r]!;
  }

  step(i: number, r: number, j: number, s: number): number {
    const between = this.#steps[(i * this.count + j) * this.ranks + s - r]!;
    return r === S1_S2 && s === S1_S2 + 1 ? between - this.#sacrumBelow[j]! : between;
  }

  end(i: number): number {
    return this.#ends[i]!;
  }
}

/** Of the ranks, the one below L5-S1. */
const S1_S2 = RANKS.indexOf(-1);

function usualStrength(tracks: readonly Track[]): number {
  const strengths = tracks.map(({ strength }) => strength).sort((a, b) => b - a);
  return strengths[Math.min(2, strengths.length - 1)]!;
}

function skipCosts(tracks: readonly Track[], usual: number): readonly number[] {
  return tracks.map(({ strength }) => CHAIN.skip + CHAIN.skipWholeDisc * Math.min(1, strength / usual));
}

function skipped(skip: readonly number[], from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += skip[i]!;
  return sum;
}

function faintScore({ strength }: Track, usual: number): number {
  return CHAIN.faintPower * Math.log(Math.min(1, (strength + 1e-6) / (CHAIN.faintShare * usual)));
}

function startPrior(rank: Rank): number {
  if (rank < 0) return CHAIN.startsBelow;
  return rank === 0 ? 0 : CHAIN.startsAbove;
}

function emission(track: Track, rank: Rank): number {
  const levelClass = rank < 0 ? BELOW_CLASS : Math.min(rank, ABOVE_CLASS);
  const level = Math.log(track.levelShares[levelClass]! + CHAIN.levelFloor);
  const above = rank < 0 ? s1Score(track.above) : CHAIN.sideWeight * sideScore(track.above, 'vertebra');
  const below = CHAIN.sideWeight * sideScore(track.below, rank <= 0 ? 'sacrum' : 'vertebra');
  return CHAIN.levelWeight * level + above + below;
}

/** Above a disc at S1-S2: the network takes S1 for a vertebra there as often as not, for it is mostly squared. */
function s1Score(side: Surroundings): number {
  const [lumbar, sacral] = [sideScore(side, 'vertebra'), sideScore(side, 'sacrum')];
  return Math.log(0.5 * Math.exp(CHAIN.sideWeight * lumbar) + 0.5 * Math.exp(CHAIN.sideWeight * sacral));
}

/** What that same body counts for as the sacrum below L5-S1: taken back, for it has been counted once. */
function sacrumBelow({ below }: Track): number {
  return CHAIN.sideWeight * sideScore(below, 'sacrum');
}

/** The lowest disc's length against those above it: as long where it is lumbar, as the sacrum is deep at S1-S2. */
function lengthScore([lowest, ...others]: readonly Track[], usual: number, rank: Rank): number {
  const whole = others.filter(({ strength }) => strength > CHAIN.faintShare * usual).slice(0, 4);
  if (whole.length < 2) return 0;
  const lengths = whole.map(({ lengthMm }) => lengthMm).sort((a, b) => a - b);
  const { mean, spread } = rank < 0 ? CHAIN.sacralLength : CHAIN.lumbarLength;
  const off = (lowest!.lengthMm / lengths[lengths.length >> 1]! - mean) / spread;
  const density = Math.exp(-0.5 * off * off) / (spread * Math.sqrt(2 * Math.PI));
  return Math.log((1 - CHAIN.oddLength) * density + CHAIN.oddLength);
}

function sideScore(side: Surroundings, expected: 'vertebra' | 'sacrum'): number {
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
