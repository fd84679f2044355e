/**
 * Whether two spellings are one person's name, and how they differ. Names are compared as people and machines write
 * them: transcribed umlauts, lost accents, missing middle names, swapped or joined components, other scripts, initials,
 * names cut to a field's length, letters lost between character sets (PS3.5 6.2.1 gives the components).
 */
export type NameDifference =
  | 'case, spaces or punctuation'
  | 'accents or umlauts'
  | 'parts in another order'
  | 'a part on one side only'
  | 'another script'
  | 'initials'
  | 'cut short'
  | 'letters lost'
  | 'spelt differently';

export interface NameComparison {
  /**
   * 'same': whatever else is known; 'alike': one person's when everything else agrees; 'unlike': two names; 'unknown':
   * one of them is empty.
   */
  readonly verdict: 'same' | 'alike' | 'unlike' | 'unknown';
  readonly how: readonly NameDifference[];
}

export function compareNames(a: string, b: string): NameComparison {
  const [groupsA, groupsB] = [groupsOf(a), groupsOf(b)];
  if (groupsA.length === 0 || groupsB.length === 0) return { verdict: 'unknown', how: [] };
  const compared = groupsA.flatMap((one) =>
    groupsB.filter(({ script }) => script === one.script).map((other) => compareGroups(one, other)),
  );
  // One person has one name in each script, and no rule leads from most scripts to another.
  if (compared.length === 0) return { verdict: 'alike', how: ['another script'] };
  const best = compared.toSorted((x, y) => RANK[x.verdict] - RANK[y.verdict])[0]!;
  return best;
}

const RANK = { same: 0, alike: 1, unlike: 2, unknown: 3 } as const;

// Groups and scripts -------------------------------------------------------------------------------------------------

type Script = 'letters' | 'han' | 'kana' | 'hangul' | 'other';

/** Cyrillic and Greek are written in Latin letters here, so that they can be compared with them. */
interface Group {
  readonly script: Script;
  readonly written: string;
  /** Family, given and middle names; prefix and suffix (titles, generation) say little of who it is. */
  readonly components: readonly string[];
  readonly isTransliterated: boolean;
}

const SCRIPTS: readonly (readonly [Script, RegExp])[] = [
  ['kana', /[\p{Script=Hiragana}\p{Script=Katakana}]/u],
  ['hangul', /\p{Script=Hangul}/u],
  ['han', /\p{Script=Han}/u],
  ['letters', /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}]/u],
];

/** The alphabetic, ideographic and phonetic groups that say something. */
function groupsOf(name: string): Group[] {
  return mended(name)
    .normalize('NFKC')
    .split('=')
    .filter((group) => /[\p{L}\p{N}]/u.test(group))
    .map((group) => {
      const script = SCRIPTS.find(([, letters]) => letters.test(group))?.[0] ?? 'other';
      const latin = transliterated(group);
      const components = componentsOf(script === 'kana' ? hiragana(latin) : latin);
      return { script, written: group, components, isTransliterated: latin !== group };
    });
}

/** UTF-8 that was read as Latin-1 ("JÃ¤GER") is turned back. */
function mended(name: string): string {
  const isBytes = [...name].every((letter) => letter.codePointAt(0)! <= 0xff);
  if (!isBytes || !/[\u00c2-\u00f4][\u0080-\u00bf]/u.test(name)) return name;
  const again = Buffer.from(name, 'latin1').toString('utf8');
  return again.includes('\ufffd') ? name : again;
}

/** "Doe, Jane" and "Doe^Jane" are written for the same; a name without either is one component. */
function componentsOf(group: string): string[] {
  const separated = group.includes('^') ? group : group.replace(',', '^');
  return separated.split('^').slice(0, 3);
}

function hiragana(text: string): string {
  return text.replace(/[\u30a1-\u30f6]/gu, (letter) => String.fromCodePoint(letter.codePointAt(0)! - 0x60));
}

const CYRILLIC = letters(
  'АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЇЄҐЈЉЊЋЂЏ',
  'A B V G D E E ZH Z I I K L M N O P R S T U F KH TS CH SH SHCH - Y - E YU YA I I E G J LJ NJ C D DZ',
);
const GREEK = letters('ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ', 'A V G D E Z I TH I K L M N X O P R S T Y F CH PS O');

function letters(from: string, to: string): ReadonlyMap<string, string> {
  const latin = to.split(' ').map((each) => (each === '-' ? '' : each));
  return new Map([...from].map((letter, i) => [letter, latin[i]!]));
}

function transliterated(text: string): string {
  if (!/[\p{Script=Cyrillic}\p{Script=Greek}]/u.test(text)) return text;
  const plain = text.toUpperCase().normalize('NFD').replace(/\p{M}/gu, '').normalize('NFC');
  return [...plain].map((letter) => CYRILLIC.get(letter) ?? GREEK.get(letter) ?? letter).join('');
}

// Spellings ----------------------------------------------------------------------------------------------------------

/** Letters that are no other letter with an accent, as registries without them write them. */
const OWN_LETTERS: Readonly<Record<string, string>> = {
  Æ: 'AE',
  Ø: 'OE',
  Œ: 'OE',
  Þ: 'TH',
  Ð: 'D',
  Đ: 'D',
  Ł: 'L',
  Ħ: 'H',
  Ŧ: 'T',
  Ə: 'E',
};

/** Capitals without accents. */
function withoutAccents(text: string): string {
  return text
    .toUpperCase()
    .replace(/[ÆØŒÞÐĐŁĦŦƏ]/gu, (letter) => OWN_LETTERS[letter]!)
    .normalize('NFD')
    .replace(/\p{M}/gu, '');
}

/** Ä, AE and A are one here, and so on: one system transcribes, another drops the dots, a third keeps them. */
function folded(text: string): string {
  return withoutAccents(text).replace(
    /([AOU])E|AA|IJ|SS/gu,
    (pair, vowel?: string) => vowel ?? FOLDED[pair]!,
  );
}

const FOLDED: Readonly<Record<string, string>> = { AA: 'A', IJ: 'Y', SS: 'S' };

const TITLES = new Set(
  'DR PROF MED DIPL ING HERR FRAU MR MRS MS MISS MME MLLE DHR MEVR SIG SRA DOTT'.split(' '),
);

/** @returns words; a letter lost between character sets stays as '?' */
function words(text: string): string[] {
  const found = text
    .replace(/[\p{Pd}'’`´.]+/gu, ' ')
    .replace(/[^\p{L}\p{N}\p{M}?\ufffd]+/gu, ' ')
    .split(' ')
    .filter((word) => word !== '');
  const named = found.filter((word) => !TITLES.has(withoutAccents(word)));
  return named.length > 0 ? named : found;
}

type Spell = (text: string) => string;

function joined(components: readonly string[], spell: Spell): string {
  return components
    .map((each) => words(each).map(spell).join(''))
    .join('^')
    .replace(/\^+$/, '');
}

function allWords(components: readonly string[], spell: Spell): string[] {
  return components.flatMap((each) => words(each).map(spell));
}

// Comparing ----------------------------------------------------------------------------------------------------------

function compareGroups(a: Group, b: Group): NameComparison {
  const upper: Spell = (text) => text.toUpperCase().normalize('NFC');
  const isTransliterated = a.isTransliterated !== b.isTransliterated;
  const script: NameDifference[] = isTransliterated ? ['another script'] : [];
  const same = (...how: NameDifference[]): NameComparison => ({ verdict: 'same', how: [...script, ...how] });
  const equal = (spell: Spell) => joined(a.components, spell) === joined(b.components, spell);
  if (a.written.replace(/\^+$/, '') === b.written.replace(/\^+$/, '')) return same();
  if (equal(upper)) return same(...(isTransliterated ? [] : (['case, spaces or punctuation'] as const)));
  if (equal(folded)) return same('accents or umlauts');
  const accents: NameDifference[] = isSpeltAlike(a, b, upper) ? [] : ['accents or umlauts'];
  if (isOrderedOtherwise(a, b)) return same(...accents, 'parts in another order');
  if (isPartMissing(a, b) || isPartMissing(b, a)) return same(...accents, 'a part on one side only');
  const how = matched(a, b, isTransliterated ? 2 : 1);
  return how ? { verdict: 'alike', how: [...script, ...how] } : { verdict: 'unlike', how: [] };
}

/** Every word of the shorter name is written the same way in the longer. */
function isSpeltAlike(a: Group, b: Group, spell: Spell): boolean {
  const [fewer, more] = inLength(allWords(a.components, spell), allWords(b.components, spell));
  const text = more.join('');
  return fewer.every((word) => text.includes(word));
}

function isOrderedOtherwise(a: Group, b: Group): boolean {
  const sorted = ({ components }: Group) => allWords(components, folded).toSorted().join(' ');
  const sets = (group: Group) =>
    joined(group.components, folded).split('^').filter(Boolean).toSorted().join('^');
  return sorted(a) === sorted(b) || sets(a) === sets(b);
}

/** The family name is whole; of the given and middle names the first stand on both sides. */
function isPartMissing(fewer: Group, more: Group): boolean {
  const family = ({ components }: Group) => joined(components.slice(0, 1), folded);
  const given = ({ components }: Group) => allWords(components.slice(1), folded);
  const [short, long] = [given(fewer), given(more)];
  return family(fewer) === family(more) && short.length > 0 && short.every((word, i) => word === long[i]);
}

/** A word as it may be written for another, from sure to loose. */
const LIKENESS: readonly (readonly [NameDifference | null, (a: string, b: string) => boolean])[] = [
  [null, (a, b) => a === b],
  ['letters lost', (a, b) => isWithLostLetters(a, b) || isWithLostLetters(b, a)],
  ['initials', (a, b) => a[0] === b[0] && (a.length === 1 || b.length === 1)],
  ['cut short', (a, b) => Math.min(a.length, b.length) >= 3 && (a.startsWith(b) || b.startsWith(a))],
  ['spelt differently', (a, b) => Math.min(a.length, b.length) >= 4 && editDistance(a, b) === 1],
];

/**
 * Every word of the shorter name stands for one of the longer: at least two words, or one that is more than an
 * initial; at most `mostMisspelt` of them spelt differently.
 */
function matched(a: Group, b: Group, mostMisspelt: number): NameDifference[] | null {
  const [fewer, more] = inLength(allWords(a.components, folded), allWords(b.components, folded));
  if (isCutShort(fewer, more)) return ['cut short'];
  const left = [...more];
  let waiting = [...fewer];
  const how = new Set<NameDifference>();
  let misspelt = 0;
  for (const [difference, isLike] of LIKENESS) {
    waiting = waiting.filter((word) => {
      const at = left.findIndex((other) => isLike(word, other));
      if (at < 0) return true;
      left.splice(at, 1);
      if (difference === 'spelt differently') misspelt++;
      if (difference) how.add(difference);
      return false;
    });
  }
  if (waiting.length > 0 || misspelt > mostMisspelt) return null;
  if (fewer.length < 2 && (fewer[0] ?? '').length < 2) return null;
  if (left.length > 0) how.add('a part on one side only');
  return how.size > 0 ? [...how] : ['parts in another order'];
}

/** The whole name ends where a field was full. */
const SHORTEST_CUT = 8;

function isCutShort(a: readonly string[], b: readonly string[]): boolean {
  const [short, long] = [a.join(''), b.join('')].toSorted((x, y) => x.length - y.length) as [string, string];
  return short.length >= SHORTEST_CUT && short !== long && long.startsWith(short);
}

function isWithLostLetters(lost: string, whole: string): boolean {
  if (!/[?\ufffd]/u.test(lost)) return false;
  const pattern = lost.split(/[?\ufffd]+/u).join('.{1,2}');
  return new RegExp(`^${pattern}$`, 'u').test(whole);
}

function inLength(a: string[], b: string[]): [string[], string[]] {
  return a.length <= b.length ? [a, b] : [b, a];
}

/** Letters added, left out, replaced, or two neighbours swapped; counted up to 2. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 1) return 2;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  if (restA === restB) return 0;
  const isReplaced = restA.slice(1) === restB.slice(1);
  const isAdded = restA.slice(1) === restB || restA === restB.slice(1);
  const isSwapped = restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2);
  return isReplaced || isAdded || isSwapped ? 1 : 2;
}
