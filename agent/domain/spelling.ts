/** Names as they can be compared: their groups by script, their words, and ways to spell those (PS3.5 6.2.1). */
export type Script = 'letters' | 'han' | 'kana' | 'hangul' | 'other';

/** Cyrillic and Greek are written in Latin letters here, so that they can be compared with them. */
export interface Group {
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
export function groupsOf(name: string): Group[] {
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
export function folded(text: string): string {
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

export type Spell = (text: string) => string;

export function joined(components: readonly string[], spell: Spell): string {
  return components
    .map((each) => words(each).map(spell).join(''))
    .join('^')
    .replace(/\^+$/, '');
}

export function allWords(components: readonly string[], spell: Spell): string[] {
  return components.flatMap((each) => words(each).map(spell));
}
