import { LEVELS, type Level } from '../../domain/levels.js';

/** Where in a text levels are named. */
export interface NamedLevels {
  readonly at: number;
  readonly end: number;
  readonly levels: readonly Level[];
}

const UPPER = '(?:lwk|lw|lendenwirbel|l)\\s?([1-5])';
const LOWER = '(?:(lwk|lw|l|swk|sw|s)\\s?)?([1-5])';
/** L4/5, L4-L5, LWK 4/5, LWK5/SWK1, L4L5; L3-S1 is all from one to the other. */
const NAMED = new RegExp(
  `\\b${UPPER}(\\s?(?:/|-|\\bto\\b|\\bbis\\b|\\ba\\b|\\bt/m\\b)\\s?)?${LOWER}\\b(?!\\s?(?:mm|cm)\\b)`,
  'g',
);
/** S1 below L5. */
const SACRUM = 6;

/** @param text folded */
export function levelsIn(text: string): NamedLevels[] {
  return [...text.matchAll(NAMED)].flatMap((match) => {
    const [whole, upper = '', separator, prefix, lower = ''] = match;
    if (separator === undefined && prefix === undefined) return [];
    const from = Number(upper);
    const isSacral = prefix?.startsWith('s') || (prefix === undefined && from === 5 && lower === '1');
    if (isSacral && lower !== '1') return [];
    const to = isSacral ? SACRUM : Number(lower);
    if (to <= from) return [];
    return [{ at: match.index, end: match.index + whole.length, levels: LEVELS.slice(from - 1, to - 1) }];
  });
}
