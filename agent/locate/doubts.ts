import { LEVELS, type Level } from '../domain/levels.js';
import { REASON } from '../domain/locateReasons.js';
import type { LocateStatus } from '../domain/locateStatuses.js';
import type { NamedTrack } from './chain.js';
import { LEVEL_CLASSES } from './logits.js';
import { apartMm, slipMm } from './tracks.js';

/** L5-S1 is rank 0: the levels from below. */
export const LEVEL_OF_RANK: readonly Level[] = [...LEVELS].reverse();

/** A lumbar disc: its place in the row, from the lowest up. */
export type Ranked = NamedTrack & { readonly rank: number };

export interface LevelVerdict {
  readonly status: LocateStatus;
  readonly reasons: readonly string[];
}

/**
 * Where a name stops being a fact. Set on the patients of folds 0, 1 and 2 of the cross-validation (17, with
 * networks that had not seen them), whole and with the picture cut below and through L5: there L5-S1 has 49 mm of
 * picture below it and more, a cut one 29 mm and less.
 */
export const DOUBT = {
  /** The least certain of the five discs. */
  minConfidence: 0.9,
  /** Share of what lies below L5-S1 that must look like sacrum. */
  minSacrum: 0.5,
  /** How far the picture must reach below L5-S1: S1 and the beginning of S2. */
  minRoomBelowMm: 40,
  /** The network's own certainty that the lowest disc is L5-S1. */
  minLowestShare: 0.5,
  /** A step between neighbours against the spine's own median. */
  stepRatio: [0.6, 1.55],
  /** Change of the offset between neighbours along the discs: a severe slip, in which one disc may be two or none. */
  maxSlipChangeMm: 16,
  /**
   * Length of the lowest disc, front to back, against the median of the discs above it. What is left of a disc between
   * S1 and S2 is shorter than the sacrum is deep there (O'Driscoll et al., Skeletal Radiol 25:225, 1996, type 2);
   * L5-S1 had 0.80 and more in 26 spines of 29, whole and in their own contrast, by a network that had seen most of them;
   * less in a severe slip, a marked scoliosis and the spine with such a disc.
   */
  minLowestLength: 0.75,
  /**
   * How much better the network's own classes fit these names than the same row one level up or down: mean over the
   * discs of the log-odds. Sixteen spines had 2.0 and more; one with a whole disc at S1-S2, named a level too low, 0.9.
   */
  minShiftOdds: 1.5,
  /** Share of slices in which the network's own classes name a disc otherwise than the chain. */
  maxDissent: 0.5,
} as const;

/** What stands against the names; `uncertain` when any of it touches the level, `not-found` without discs. */
export function verdictOf(named: readonly NamedTrack[]): LevelVerdict {
  const discs = lumbarDiscs(named);
  if (discs.length === 0) return { status: 'not-found', reasons: ['no lumbar disc was found'] };
  const doubts = [roomDoubt(discs), ...doubtsOf(discs, named)].filter((doubt) => doubt !== null);
  const weakest = Math.min(...discs.map(({ confidence }) => confidence));
  if (weakest < DOUBT.minConfidence && doubts.length === 0)
    doubts.push('the evidence for the levels is weak');
  return { status: doubts.length > 0 ? 'uncertain' : 'located', reasons: [...doubts, ...missing(discs)] };
}

/**
 * What stands against the names where the same slices are read in another way. That the evidence is weak there is no
 * doubt of its own, nor is the picture's end: both have been weighed where all slices were read as they are.
 */
export function doubtsReadAgain(named: readonly NamedTrack[]): readonly string[] {
  const discs = lumbarDiscs(named);
  if (discs.length === 0) return ['no lumbar disc was found'];
  return doubtsOf(discs, named).filter((doubt) => doubt !== null);
}

function doubtsOf(discs: readonly Ranked[], named: readonly NamedTrack[]): readonly (string | null)[] {
  return [
    sacrumDoubt(discs, named),
    lengthDoubt(discs),
    countDoubt(named),
    stepDoubt(discs),
    slipDoubt(discs),
    dissentDoubt(discs),
    shiftDoubt(discs),
  ];
}

/** The named lumbar discs, lowest first. */
export function lumbarDiscs(named: readonly NamedTrack[]): readonly Ranked[] {
  return named.filter(
    (disc): disc is Ranked => disc.rank !== null && disc.rank >= 0 && disc.rank < LEVEL_OF_RANK.length,
  );
}

function missing(discs: readonly { rank: number }[]): string[] {
  const found = new Set(discs.map(({ rank }) => LEVEL_OF_RANK[rank]));
  return LEVELS.filter((level) => !found.has(level)).map((level) => `${level} was not found`);
}

/** Whether the picture ends so soon below L5-S1 that less than S1 and the beginning of S2 is seen. */
export function endsSoon(discs: readonly Ranked[]): boolean {
  return discs.length > 0 && discs[0]!.track.roomBelowMm < DOUBT.minRoomBelowMm;
}

/** The picture ends so soon below L5-S1 that only a sacrum seen beyond doubt is enough. */
function roomDoubt(discs: readonly Ranked[]): string | null {
  const { rank, track } = discs[0]!;
  if (rank > 0 || track.roomBelowMm >= DOUBT.minRoomBelowMm) return null;
  const isEnough =
    track.roomBelowMm >= NEAR_END.minRoomMm &&
    track.below.sacrum >= NEAR_END.minSacrum &&
    track.levelShares[0]! >= NEAR_END.minLowestShare &&
    shiftOdds(discs).odds >= NEAR_END.minShiftOdds;
  return isEnough ? null : `${REASON.sacrumNotSeen}: the image ends below the lowest disc`;
}

function sacrumDoubt(discs: readonly Ranked[], named: readonly NamedTrack[]): string | null {
  const lowest = discs[0]!;
  const { below, levelShares } = lowest.track;
  if (lowest.rank > 0) return `${REASON.sacrumNotSeen}: the lowest disc is not at the sacrum`;
  if (below.sacrum < DOUBT.minSacrum)
    return named.some(({ rank }) => rank === -1)
      ? 'a disc between S1 and S2, and S1 looks like a lumbar vertebra: a transitional vertebra is possible'
      : `${REASON.sacrumNotSeen} below the lowest disc`;
  return levelShares[0]! < DOUBT.minLowestShare ? 'the lowest disc does not look like L5-S1' : null;
}

/** A residual disc between S1 and S2, named L5-S1, would put every level one too low. */
function lengthDoubt(discs: readonly Ranked[]): string | null {
  const [lowest, ...others] = discs;
  if (lowest?.rank !== 0 || others.length < 2) return null;
  const usual = median(others.map(({ track }) => track.lengthMm));
  return lowest.track.lengthMm < DOUBT.minLowestLength * usual!
    ? 'the lowest disc is short: it may lie between S1 and S2'
    : null;
}

/** A name that the chain itself gives little weight: the neighbouring names fit nearly as well. */
function countDoubt(named: readonly NamedTrack[]): string | null {
  const shaky = lumbarDiscs(named).filter(({ confidence }) => confidence < DOUBT.minConfidence);
  return shaky.length >= 2
    ? 'four or six lumbar-type discs possible: the levels could be one up or down'
    : null;
}

function stepDoubt(discs: readonly Ranked[]): string | null {
  const steps = discs.slice(1).map((disc, i) => ({
    mm: apartMm(disc.track.place, discs[i]!.track.place) / (disc.rank - discs[i]!.rank),
    isNeighbour: disc.rank - discs[i]!.rank === 1,
  }));
  if (steps.some(({ isNeighbour }) => !isNeighbour)) return 'a disc inside the row was not found';
  const usual = median(steps.map(({ mm }) => mm));
  if (usual === undefined) return 'only one disc was found';
  const [low, high] = DOUBT.stepRatio;
  return steps.some(({ mm }) => mm < low * usual || mm > high * usual) ? 'spacing implausible' : null;
}

/** The upper one of two middle values. */
function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

function slipDoubt(discs: readonly Ranked[]): string | null {
  const slips = discs.slice(1).map((disc, i) => slipMm(discs[i]!.track, disc.track));
  const changes = slips.slice(1).map((slip, i) => Math.abs(slip - slips[i]!));
  return changes.some((change) => change > DOUBT.maxSlipChangeMm)
    ? 'vertebrae out of line: a severe slip'
    : null;
}

function dissentDoubt(discs: readonly Ranked[]): string | null {
  const votes = discs.flatMap(({ track, rank }) =>
    track.members.map(({ levelShares }) => levelShares.indexOf(Math.max(...levelShares)) === rank),
  );
  const dissent = votes.filter((agrees) => !agrees).length / votes.length;
  return dissent > DOUBT.maxDissent ? 'slices disagree about the levels' : null;
}

/**
 * What a picture must show that ends between 20 and 40 mm below L5-S1. Cut at 20 mm, 19 of 21 spines had as much, at
 * 30 mm all; of 42 cut above L5-S1, whose lowest disc was named so 11 times, none had (a lowest share of 0.47, a sacrum
 * of 0.33 and odds of 0.1 at most; by networks that had not seen the patients, five of them, 0.88, 0.53 and 1.0).
 */
const NEAR_END = { minRoomMm: 20, minSacrum: 0.75, minLowestShare: 0.9, minShiftOdds: 2.5 } as const;

const CLASS_BELOW = LEVEL_CLASSES - 1;
const CLASS_ABOVE = LEVEL_OF_RANK.length;
/** A class share below this is as good as none (chain.ts has the same floor). */
const SHARE_FLOOR = 0.02;

/** How much better the network's own classes fit these names than the better ones of one level up or down. */
export function shiftOdds(discs: readonly Ranked[]): { odds: number; towards: 1 | -1 } {
  const likeness = (shift: -1 | 0 | 1) =>
    discs.reduce((sum, { track, rank }) => {
      const at = rank + shift < 0 ? CLASS_BELOW : Math.min(CLASS_ABOVE, rank + shift);
      return sum + Math.log(track.levelShares[at]! + SHARE_FLOOR);
    }, 0) / discs.length;
  const [down, up] = [likeness(-1), likeness(1)];
  return { odds: likeness(0) - Math.max(down, up), towards: up >= down ? 1 : -1 };
}

/** A transitional vertebra: order and sacrum say one thing, the looks of the discs another. */
function shiftDoubt(discs: readonly Ranked[]): string | null {
  return shiftOdds(discs).odds < DOUBT.minShiftOdds
    ? 'the discs look nearly as much like the levels next to theirs: a transitional vertebra is possible'
    : null;
}
