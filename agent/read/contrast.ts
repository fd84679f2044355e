/** What an MR series shows bright, as far as it bears on which of several is read. */
export const CONTRASTS = [
  'T2',
  'T2-IN-PHASE',
  'T2-FS',
  'T2-WATER',
  'PD',
  'STIR',
  'T1',
  'OTHER',
  'T2-OPPOSED-PHASE',
  'T2-FAT',
] as const;

export type Contrast = (typeof CONTRASTS)[number];

export const CONTRAST_WORDS = {
  T2: 'T2',
  'T2-IN-PHASE': 'in-phase T2',
  'T2-FS': 'fat-suppressed T2',
  'T2-WATER': 'water of a T2 Dixon',
  PD: 'proton density',
  STIR: 'STIR',
  T1: 'T1',
  OTHER: 'another contrast',
  'T2-OPPOSED-PHASE': 'opposed-phase T2',
  'T2-FAT': 'fat of a T2 Dixon',
} as const satisfies Record<Contrast, string>;

/** What a series' attributes say of it (agent/route/attributes.ts), as the index keeps them. */
type Attributes = Readonly<Record<string, unknown>>;

export function contrastOf(attributes: Attributes): Contrast {
  const weighting = String(attributes.weighting ?? '');
  if (weighting !== 'T2') return WEIGHTED[weighting] ?? 'OTHER';
  const named = wordsOf([attributes.SeriesDescription, attributes.ProtocolName]);
  const types = listOf(attributes.ImageType).map((value) => value.toUpperCase());
  const dixon = dixonOf(types, named);
  if (dixon) return dixon;
  const isSuppressed =
    listOf(attributes.ScanOptions).some((option) => /^(FS|FATSAT|SFS)$/i.test(option)) || namesFatSat(named);
  return isSuppressed ? 'T2-FS' : 'T2';
}

const WEIGHTED: Readonly<Record<string, Contrast>> = { PD: 'PD', STIR: 'STIR', T1: 'T1' };

/** ImageType value 4 as the vendors write it (PS3.3 C.8.13.3.1.1 names WATER, FAT, IN_PHASE, OPP_PHASE). */
const DIXON_TYPES: Readonly<Record<string, Contrast>> = {
  WATER: 'T2-WATER',
  W: 'T2-WATER',
  FAT: 'T2-FAT',
  F: 'T2-FAT',
  IN_PHASE: 'T2-IN-PHASE',
  IP: 'T2-IN-PHASE',
  IN: 'T2-IN-PHASE',
  OPP_PHASE: 'T2-OPPOSED-PHASE',
  OUT_PHASE: 'T2-OPPOSED-PHASE',
  OP: 'T2-OPPOSED-PHASE',
  OPP: 'T2-OPPOSED-PHASE',
};

const DIXON_WORDS = new Set(['DIXON', 'MDIXON', 'DIX', 'FLEX', 'IDEAL', 'WFI', 'WATER', 'INPHASE']);
const WATER_WORDS = new Set(['WATER', 'W', 'WASSER', 'EAU', 'AGUA', 'ACQUA']);
const FAT_WORDS = new Set(['FAT', 'F', 'FETT', 'GRAISSE', 'GRASA', 'GRASSO', 'GORDURA', 'VET']);
const IN_WORDS = new Set(['INPHASE', 'IN', 'IP']);
const OPPOSED_WORDS = new Set(['OUTPHASE', 'OPPPHASE', 'OPPOSED', 'OUT', 'OPP', 'OP']);

function dixonOf(types: readonly string[], named: readonly string[]): Contrast | null {
  // The last value that says it: some vendors write a general one before.
  const typed = types.slice(2).findLast((value) => DIXON_TYPES[value] !== undefined);
  if (typed) return DIXON_TYPES[typed]!;
  if (!named.some((word) => DIXON_WORDS.has(word))) return null;
  const has = (words: ReadonlySet<string>) => named.some((word) => words.has(word));
  if (has(IN_WORDS)) return 'T2-IN-PHASE';
  if (has(OPPOSED_WORDS)) return 'T2-OPPOSED-PHASE';
  if (has(WATER_WORDS)) return 'T2-WATER';
  return has(FAT_WORDS) ? 'T2-FAT' : null;
}

const FAT_SAT_WORDS = new Set([
  'FS',
  'FATSAT',
  'FSAT',
  'FATSUP',
  'FATSUPP',
  'FETTSAT',
  'SPAIR',
  'SPIR',
  'ASPIR',
]);
const SAT_WORDS = /^(SAT|SUP|SUPP|SATURATED|SATURATION|SUPPRESSED|SUPPRESSION)$/;

function namesFatSat(named: readonly string[]): boolean {
  return named.some(
    (word, i) => FAT_SAT_WORDS.has(word) || (FAT_WORDS.has(word) && SAT_WORDS.test(named[i + 1] ?? '')),
  );
}

function wordsOf(texts: readonly unknown[]): string[] {
  return texts.flatMap((text) =>
    String(text ?? '')
      .toUpperCase()
      .split(/[^A-Z0-9]+/)
      .filter(Boolean),
  );
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
