import { LEVELS } from '../domain/levels.js';
import { measurementOf, resultOf, scoreOf } from '../report/answers.js';
import { VALUE } from '../report/codes.js';
import type { ReportDisc, ReportInput } from '../report/types.js';

/** What came out of a case, in one word. */
export type OutcomeWord = 'positive' | 'negative' | 'uncertain' | 'not-found' | 'error';

/** A result in short: what rules ask of and what messages for people say. */
export interface OutcomeFacts {
  readonly outcome: OutcomeWord;
  /** Levels that are flagged; where the levels are uncertain, as they would be called. */
  readonly flagged: readonly string[];
  /** Discs of which nothing can be stated. */
  readonly unstated: readonly string[];
  readonly levelsFound: readonly string[];
  /** Whether the levels are facts. */
  readonly levelsCertain: boolean;
  /** The highest probability of a disc, 0 to 1; -1 where there is none. */
  readonly highest: number;
  /** none: nothing measured; agrees or disagrees on the flagged and the free discs; indeterminate: neither. */
  readonly ct: 'none' | 'agrees' | 'disagrees' | 'indeterminate';
  readonly ctCalcified: readonly string[];
}

/** Uncertain is a result whose levels are, or that flags nothing while something could not be read. */
export function outcomeOf(input: ReportInput): OutcomeFacts {
  const { localisation, discs } = input;
  const flagged = discs.filter((disc) => resultOf(disc) === VALUE.present).map(({ level }) => level);
  const free = discs.filter((disc) => resultOf(disc) === VALUE.absent);
  const unstated = discs
    .filter((disc) => !flagged.includes(disc.level) && !free.includes(disc))
    .map(({ level }) => level);
  return {
    outcome: wordOf(localisation.status, discs.length, flagged.length, unstated.length),
    flagged,
    unstated,
    levelsFound: LEVELS.filter((level) => discs.some((disc) => disc.level === level)),
    levelsCertain: localisation.status === 'located',
    highest: Math.max(-1, ...discs.map((disc) => scoreOf(disc) ?? -1)),
    ct: agreement(input),
    ctCalcified: discs
      .filter((disc) => measurementOf(input, disc)?.label === 'calcified')
      .map(({ level }) => level),
  };
}

function wordOf(
  status: ReportInput['localisation']['status'],
  found: number,
  flagged: number,
  unstated: number,
): OutcomeWord {
  if (status === 'not-found' || found === 0) return 'not-found';
  if (status === 'uncertain') return 'uncertain';
  if (flagged > 0) return 'positive';
  return unstated > 0 ? 'uncertain' : 'negative';
}

function agreement(input: ReportInput): OutcomeFacts['ct'] {
  const said = input.discs.map(
    (disc) => [isFlagged(disc), measurementOf(input, disc)?.label ?? null] as const,
  );
  if (said.every(([, label]) => label === null)) return 'none';
  const told = said.filter(
    ([answer, label]) => answer !== null && (label === 'calcified' || label === 'not-calcified'),
  );
  if (told.length === 0) return 'indeterminate';
  return told.every(([answer, label]) => answer === (label === 'calcified')) ? 'agrees' : 'disagrees';
}

/** null: nothing is stated. */
function isFlagged(disc: ReportDisc): boolean | null {
  const result = resultOf(disc);
  if (result === VALUE.present) return true;
  return result === VALUE.absent ? false : null;
}
