import { REPORT_LANGUAGES } from '../../../config/hear.js';
import { LEVELS, type Level } from '../../domain/levels.js';
import { levelsIn } from './levels.js';
import {
  ASKING,
  CALCIFICATION,
  DISC,
  ELSEWHERE,
  folded,
  REPORT_WORDS,
  type ReportLanguage,
  type ReportWords,
  UNCALCIFIED,
} from './words.js';

export type Heard = 'calcified' | 'not-calcified' | 'not-mentioned';

/** What a report says of one disc, and where. */
export interface HeardDisc {
  readonly level: Level;
  readonly heard: Heard;
  /** As they were written; '' for nothing. */
  readonly sentence: string;
}

export interface HeardReport {
  /** Null: in none of ours, and then nothing is heard. */
  readonly language: ReportLanguage | null;
  readonly discs: readonly HeardDisc[];
}

/** One mention of calcification. Null levels: of no disc by name. */
interface Mention {
  readonly says: 'calcified' | 'not-calcified' | 'in doubt';
  readonly levels: readonly Level[] | null;
  readonly sentence: string;
}

/** An adverb denies what stands no further behind it; a denial, no further than this. */
const ADVERB_WORDS = 4;
const DENIAL_WORDS = 9;

/**
 * What the words of a report say of calcification in each lumbar disc: pure, and nobody's truth before a person has looked.
 * What is in doubt, or said both ways, counts as not mentioned, with its sentences kept.
 * @param language where the sender says it
 */
export function hearReport(text: string, language?: ReportLanguage): HeardReport {
  const known = language ?? languageOf(text);
  const mentions = known ? mentionsIn(text, REPORT_WORDS[known]) : [];
  return { language: known, discs: LEVELS.map((level) => discOf(level, mentions)) };
}

function discOf(level: Level, mentions: readonly Mention[]): HeardDisc {
  const own = mentions.filter(({ levels }) => levels?.includes(level));
  // What is denied of all discs counts where nothing is said of one by name.
  const meant = own.length > 0 ? own : mentions.filter(({ levels }) => levels === null);
  const sentence = [...new Set(meant.map((each) => each.sentence))].join(' … ');
  const said = new Set(meant.map(({ says }) => says));
  const [only] = said;
  const heard = said.size === 1 && only !== 'in doubt' && only ? only : 'not-mentioned';
  return { level, heard, sentence };
}

/** By its small words and the trade's; null where there are too few, or two languages have as many. */
export function languageOf(text: string): ReportLanguage | null {
  const words = ` ${folded(text).replace(/[.,;:()\n\r/]/g, ' ')} `.replace(/\s+/g, ' ');
  const scored = REPORT_LANGUAGES.map((language) => ({
    language,
    score: REPORT_WORDS[language].signs.filter((sign) => words.includes(` ${sign}`)).length,
  })).toSorted((a, b) => b.score - a.score);
  const [first, second] = scored;
  return first!.score > 0 && first!.score > second!.score ? first!.language : null;
}

function mentionsIn(text: string, words: ReportWords): Mention[] {
  const mentions: Mention[] = [];
  for (const line of text.split(/[\r\n]+/)) {
    if (ASKING.test(folded(line))) continue;
    const seen = { heading: headingOf(line), last: null as readonly Level[] | null, hasDisc: false };
    for (const sentence of sentencesOf(line)) {
      mentions.push(...mentionsOf(sentence, words, seen));
      const here = levelsIn(folded(sentence)).flatMap(({ levels }) => levels);
      if (here.length > 0) seen.last = here;
      if (folded(sentence).search(DISC) >= 0) seen.hasDisc = true;
    }
  }
  return mentions;
}

/** What a line has said before a sentence of it. */
interface Seen {
  /** A line that begins with a level and a colon is about that level. */
  readonly heading: readonly Level[] | null;
  readonly last: readonly Level[] | null;
  readonly hasDisc: boolean;
}

function headingOf(line: string): readonly Level[] | null {
  const [head] = folded(line).split(':');
  const found = levelsIn(head ?? '');
  return line.includes(':') && found.length > 0 && found[0]!.at < 20
    ? found.flatMap(({ levels }) => levels)
    : null;
}

/** Abbreviations end no sentence: the next word begins with a capital letter, a digit or a bracket. */
function sentencesOf(line: string): string[] {
  return line
    .split(/(?<=[.!?;])\s+(?=[\p{Lu}\d([])/u)
    .map((sentence) => sentence.trim())
    .filter(Boolean);
}

function mentionsOf(sentence: string, words: ReportWords, seen: Seen): Mention[] {
  const text = folded(sentence);
  return clausesOf(text, words).flatMap((clause): Mention[] =>
    [...clause.text.matchAll(CALCIFICATION)].flatMap((match): Mention[] => {
      if (!isOfDisc(clause.text, text, match.index, match[0].length, seen)) return [];
      const says = saysOf(clause.text, match[0], match.index, text, words);
      const levels = levelsOf(clause, text, words, seen);
      if (levels.length > 0) return [{ says, levels, sentence }];
      return says === 'not-calcified' ? [{ says, levels: null, sentence }] : [];
    }),
  );
}

interface Clause {
  readonly text: string;
  /** In the sentence. */
  readonly at: number;
}

/** Between commas, colons, and words that turn; and where each side of an 'and' names a finding and a level. */
function clausesOf(text: string, { turns, ands }: ReportWords): Clause[] {
  const cuts = [...text.matchAll(/[,;:()]/g)].map(({ index }) => index + 1);
  for (const turn of turns) for (const { index } of text.matchAll(wordsOf(turn))) cuts.push(index);
  for (const and of ands)
    for (const { index } of text.matchAll(wordsOf(and)))
      if (
        [text.slice(0, index), text.slice(index)].every(
          (side) => levelsIn(side).length > 0 && side.search(DISC) >= 0,
        )
      )
        cuts.push(index);
  const places = [0, ...cuts.toSorted((a, b) => a - b), text.length];
  return places
    .slice(1)
    .map((end, i) => ({ text: text.slice(places[i], end), at: places[i]! }))
    .filter((clause) => clause.text.trim() !== '');
}

/** The nearest thing named decides; with nothing in the clause, the sentence; else what the line spoke of. */
function isOfDisc(clause: string, sentence: string, at: number, length: number, seen: Seen): boolean {
  const end = at + length;
  const distance = (pattern: RegExp) =>
    Math.min(
      ...[...clause.matchAll(pattern)].map((match) =>
        Math.max(0, match.index - end, at - match.index - match[0].length),
      ),
    );
  const [disc, elsewhere] = [distance(DISC), distance(ELSEWHERE)];
  if (Number.isFinite(elsewhere) && elsewhere <= disc) return false;
  if (Number.isFinite(disc)) return true;
  if (sentence.search(ELSEWHERE) >= 0 && sentence.search(DISC) < 0) return false;
  return sentence.search(DISC) >= 0 || seen.hasDisc;
}

function saysOf(
  clause: string,
  word: string,
  at: number,
  sentence: string,
  words: ReportWords,
): Mention['says'] {
  if (sentence.trimEnd().endsWith('?') || words.doubts.some((doubt) => wordsOf(doubt).test(clause)))
    return 'in doubt';
  if (UNCALCIFIED.test(word)) return 'not-calcified';
  const [before, after] = [clause.slice(0, at), clause.slice(at + word.length)];
  const isNear = (denial: string, most: number) =>
    [...before.matchAll(wordsOf(denial))].some(
      ({ index }) => before.slice(index).trim().split(/\s+/).length - denial.trim().split(' ').length <= most,
    );
  const isDenied =
    words.denials.some((denial) => isNear(denial, DENIAL_WORDS)) ||
    words.adverbs.some((adverb) => isNear(adverb, ADVERB_WORDS)) ||
    /\bnon-$/.test(before) ||
    words.absences.some((absence) => wordsOf(absence).test(after));
  return isDenied ? 'not-calcified' : 'calcified';
}

/** Of the clause, else the nearest before it in its sentence, else behind it, else of the line. */
function levelsOf(clause: Clause, sentence: string, { backs }: ReportWords, seen: Seen): readonly Level[] {
  const own = levelsIn(clause.text).flatMap(({ levels }) => levels);
  if (own.length > 0) return own;
  const all = levelsIn(sentence);
  const before = all.filter(({ end }) => end <= clause.at);
  if (before.length > 0) return joined(sentence, before);
  const [behind] = all;
  if (behind) return behind.levels;
  if (seen.heading) return seen.last ?? seen.heading;
  return seen.last && backs.some((back) => wordsOf(back).test(sentence)) ? seen.last : [];
}

/** The last levels named, with those that are joined to them: 'L2-L3 and L3-L4: calcified'. */
function joined(sentence: string, named: ReturnType<typeof levelsIn>): readonly Level[] {
  const levels: Level[] = [];
  for (let i = named.length - 1; i >= 0; i--) {
    levels.unshift(...named[i]!.levels);
    const between = i > 0 ? sentence.slice(named[i - 1]!.end, named[i]!.at) : '';
    if (between.trim().split(/\s+/).length > 2) break;
  }
  return levels;
}

/** The beginning of a word, or a whole one where it ends in a space. */
function wordsOf(stem: string): RegExp {
  const escaped = stem.trimEnd().replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![a-z0-9])${escaped}${stem.endsWith(' ') ? '(?![a-z0-9])' : ''}`, 'g');
}
