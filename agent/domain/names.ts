import { allWords, folded, type Group, groupsOf, joined, type Spell } from './spelling.js';

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

/** More of a word lost than this is no word. */
const MOST_LOST = 4;

function isWithLostLetters(lost: string, whole: string): boolean {
  const parts = lost.split(/[?\ufffd]+/u);
  if (parts.length < 2 || parts.length > MOST_LOST + 1) return false;
  // Words have letters and digits alone: nothing in them means anything else to a pattern.
  const pattern = parts.join('.{1,2}');
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
