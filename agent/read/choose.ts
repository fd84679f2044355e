import type { Config } from '../../config/schema.js';
import type { ChoiceAgreement, ChoiceCandidate } from '../../db/tables/choices.js';
import { LEVELS } from '../domain/levels.js';
import { isReason } from '../domain/locateReasons.js';
import { nameOf, type SeriesCandidate } from './candidate.js';
import { CONTRAST_WORDS } from './contrast.js';
import { levelAgreement } from './levelAgreement.js';

export type ReadPolicy = Config['read'];

export interface Choice {
  readonly chosen: SeriesCandidate;
  readonly candidates: readonly ChoiceCandidate[];
  readonly agreement: ChoiceAgreement;
  /** Nothing in it could be bettered but by another picture of the same kind. */
  readonly isBeyondDoubt: boolean;
}

/** Why one series is read before another. */
interface Criterion {
  /** The smaller the better. */
  rank(candidate: SeriesCandidate, policy: ReadPolicy): number;
  /** Why the second one is not read, in words. */
  why(winner: SeriesCandidate, loser: SeriesCandidate): string;
}

const STATUS_RANK = { located: 0, uncertain: 1, 'not-found': 2, unreadable: 3 } as const;

/** What the choice goes by, under the names of `read.order`. */
export const CRITERIA = {
  contrast: {
    rank: ({ contrast }, { contrasts }) => {
      const at = contrasts.indexOf(contrast);
      return at < 0 ? contrasts.length : at;
    },
    why: (winner, loser) =>
      `${CONTRAST_WORDS[loser.contrast]} comes after ${CONTRAST_WORDS[winner.contrast]}`,
  },
  located: {
    rank: ({ reading }) => STATUS_RANK[reading.status],
    why: (_, { reading }) => withReasons('its levels are uncertain', reading.reasons),
  },
  criteria: {
    rank: (candidate) => shortcomings(candidate).length,
    why: (_, loser) => shortcomings(loser).join('; '),
  },
  resolution: {
    // To a tenth: what differs by less was meant to be the same.
    rank: ({ reading }) => Math.round((reading.pixelMm ?? 99) * 10),
    why: () => 'its pixels are larger',
  },
  later: {
    rank: ({ seriesNumber }) => -(seriesNumber ?? -1),
    why: (winner) => `${nameOf(winner)} is the later one of the same kind`,
  },
} as const satisfies Record<string, Criterion>;

/** What a picture lacks against the study's (agent/locate/applicability.ts), and discs that it does not show. */
function shortcomings({ reading }: SeriesCandidate): string[] {
  const outside = reading.reasons.filter(isReason('outsideStudy'));
  const missing = LEVELS.length - reading.discs.length;
  return missing > 0 ? [...outside, `${missing} of ${LEVELS.length} discs not shown`] : outside;
}

function withReasons(text: string, reasons: readonly string[]): string {
  return reasons.length > 0 ? `${text} (${reasons.join('; ')})` : text;
}

/**
 * The one series of a study that is read, whatever the order in which they came. A series without a disc is read only
 * when no other shows one.
 * @param candidates all of them read; at least one with the role 'mr' that could be decoded
 */
export function choose(candidates: readonly SeriesCandidate[], policy: ReadPolicy): Choice {
  const inOrder = candidates
    .filter(({ role, reading }) => role === 'mr' && reading.status !== 'unreadable')
    .toSorted((a, b) => compare(a, b, policy));
  const chosen = inOrder[0]!;
  const agreement = levelAgreement(chosen, candidates, policy.agreeMm);
  const order = [...candidates].sort((a, b) => compare(a, b, policy));
  return {
    chosen,
    agreement,
    candidates: order.map((each) => verdictOf(chosen, each, policy)),
    isBeyondDoubt:
      chosen.contrast === policy.contrasts[0] &&
      chosen.reading.status === 'located' &&
      shortcomings(chosen).length === 0 &&
      agreement.doubts.length === 0,
  };
}

function compare(a: SeriesCandidate, b: SeriesCandidate, policy: ReadPolicy): number {
  for (const has of [showsLumbarSpine, hasDiscs]) if (has(a) !== has(b)) return has(a) ? -1 : 1;
  for (const name of policy.order) {
    const difference = CRITERIA[name].rank(a, policy) - CRITERIA[name].rank(b, policy);
    if (difference !== 0) return difference;
  }
  return a.seriesInstanceUid < b.seriesInstanceUid ? -1 : 1;
}

const hasDiscs = ({ reading }: SeriesCandidate) => reading.discs.length > 0;

function verdictOf(chosen: SeriesCandidate, each: SeriesCandidate, policy: ReadPolicy): ChoiceCandidate {
  const { seriesInstanceUid, seriesNumber, seriesDescription, contrast, reading } = each;
  const facts = { seriesInstanceUid, seriesNumber, seriesDescription, contrast };
  const found = { status: reading.status, reasons: reading.reasons };
  if (each === chosen) return { ...facts, ...found, verdict: 'chosen', why: '' };
  if (each.role === 'check')
    return { ...facts, ...found, verdict: 'check-only', why: 'located to compare the levels only' };
  return { ...facts, ...found, verdict: 'passed-over', why: whyNot(chosen, each, policy) };
}

function whyNot(chosen: SeriesCandidate, { ...each }: SeriesCandidate, policy: ReadPolicy): string {
  const { status, reasons } = each.reading;
  if (status === 'unreadable') return withReasons('it cannot be read', reasons);
  if (!showsLumbarSpine(each) && showsLumbarSpine(chosen))
    return withReasons('it shows no lumbar spine', reasons);
  if (!hasDiscs(each) && hasDiscs(chosen)) return withReasons('no disc was found in it', reasons);
  const decided = policy.order.find(
    (name) => CRITERIA[name].rank(each, policy) !== CRITERIA[name].rank(chosen, policy),
  );
  return decided ? CRITERIA[decided].why(chosen, each) : 'another series of the same kind is read';
}

/** Fewer discs than this, where the header does not name the lumbar spine, are no lumbar spine. */
const FEWEST_DISCS = 3;
/** A pelvis shows the lowest three at its upper edge, and nobody can say which they are. */
const FEWEST_UNCERTAIN_DISCS = 4;

/** A series whose header leaves open what it shows has to show it: discs, and a sacrum below them. */
function showsLumbarSpine({ isNamedLumbar, reading }: SeriesCandidate): boolean {
  const hasSacrum = !reading.reasons.some(isReason('sacrumNotSeen'));
  const fewest = reading.status === 'located' ? FEWEST_DISCS : FEWEST_UNCERTAIN_DISCS;
  return isNamedLumbar || (reading.discs.length >= fewest && hasSacrum);
}

/** Whether the pixels say what the headers left open: that none of this shows a lumbar spine. */
export function showsNoLumbarSpine(candidates: readonly SeriesCandidate[]): boolean {
  const isUnreadable = ({ reading }: SeriesCandidate) => reading.status === 'unreadable';
  return !candidates.every(isUnreadable) && !candidates.some(showsLumbarSpine);
}
