import type { NamedTrack } from './chain.js';
import { DOUBT, LEVEL_OF_RANK, type LevelVerdict, lumbarDiscs, type Ranked, shiftOdds } from './doubts.js';
import { apartMm } from './tracks.js';

/**
 * A spine whose lowest lumbar-type disc may be counted in two ways, as every eighth person's may (O'Driscoll et al.,
 * Skeletal Radiol 25:225, 1996; Konin and Walz, AJNR 31:1778, 2010). It is a finding, and both namings are given.
 */
interface Transitional {
  readonly sign: string;
  /** How the other count names these discs: one level higher up, or one lower down. */
  readonly other: 1 | -1;
}

/** A disc below L5-S1 lies no farther from it than a vertebra is high, and well below it. */
const BELOW_MM = [14, 46] as const;
/**
 * Of L5-S1's length, from which a disc at S1-S2 goes all through the sacrum (O'Driscoll's type 3), and of the usual
 * disc's tissue: the network marks such discs in part only. Of 29 spines one had a disc there, 0.53 and 0.09.
 */
const WHOLE = { length: 0.65, strength: 0.1 } as const;

/** What speaks for another count; null where nothing does. */
function transitionalOf(named: readonly NamedTrack[]): Transitional | null {
  const discs = lumbarDiscs(named);
  const [lowest, ...others] = discs;
  if (lowest?.rank !== 0 || others.length < 2) return null;
  const below = discBelow(named, lowest);
  if (below && isWhole(below, lowest, others))
    return { sign: `a whole disc between S1 and S2, O'Driscoll type ${typeOf(below)}`, other: 1 };
  const lengths = others.map(({ track }) => track.lengthMm).sort((a, b) => a - b);
  if (lowest.track.lengthMm < DOUBT.minLowestLength * lengths[lengths.length >> 1]!)
    return { sign: 'the lowest disc is as short as one between S1 and S2', other: -1 };
  const { odds, towards } = shiftOdds(discs);
  return odds < DOUBT.minShiftOdds
    ? { sign: 'the discs look nearly as much like the levels next to theirs', other: towards }
    : null;
}

/** The verdict with what may be counted otherwise: both namings, which make it uncertain, or a residual disc's trace. */
export function withTransitional(verdict: LevelVerdict, named: readonly NamedTrack[]): LevelVerdict {
  const found = transitionalOf(named);
  if (found) return { status: 'uncertain', reasons: [...verdict.reasons, bothNamings(found)] };
  const trace = residualDisc(named);
  return trace === null ? verdict : { ...verdict, reasons: [...verdict.reasons, trace] };
}

/** A trace of a disc between S1 and S2, which is no reason to doubt, but is what another reader may have counted. */
function residualDisc(named: readonly NamedTrack[]): string | null {
  const [lowest, ...others] = lumbarDiscs(named);
  if (lowest?.rank !== 0) return null;
  const below = discBelow(named, lowest);
  return below && !isWhole(below, lowest, others)
    ? "a residual disc between S1 and S2, O'Driscoll type 2"
    : null;
}

/** Both namings in a sentence. */
function bothNamings({ sign, other }: Transitional): string {
  const [lowest, next, third] = LEVEL_OF_RANK as readonly [string, string, string];
  const otherwise =
    other > 0
      ? `${lowest} is ${next} and ${next} is ${third}`
      : `${next} is ${lowest} and ${third} is ${next}`;
  return `transitional vertebra possible (${sign}): levels counted from the disc above the sacrum as ${lowest}; counted otherwise ${otherwise}, and so on up`;
}

function discBelow(named: readonly NamedTrack[], { track }: NamedTrack): NamedTrack | null {
  const [from, to] = BELOW_MM;
  const found = named.filter(({ rank, track: other }) => {
    const apart = apartMm(other.place, track.place);
    const isBelow = other.place[1] > track.place[1] && apart >= from && apart <= to;
    return isBelow && (rank === null || rank < 0);
  });
  return found.sort((a, b) => b.track.strength - a.track.strength)[0] ?? null;
}

function isWhole({ track }: NamedTrack, lowest: Ranked, others: readonly Ranked[]): boolean {
  const strengths = others.map((disc) => disc.track.strength).sort((a, b) => a - b);
  const usual = strengths[strengths.length >> 1] ?? lowest.track.strength;
  return track.lengthMm >= WHOLE.length * lowest.track.lengthMm && track.strength >= WHOLE.strength * usual;
}

/** Type 3 goes all through the sacrum; in type 4 the body above it is square, and taken for a lumbar one. */
function typeOf({ track }: NamedTrack): 3 | 4 {
  return track.above.vertebra > track.above.sacrum ? 4 : 3;
}
