import type { CONTRASTS } from '../../config/schema.js';
import { type Dixon, dixonOfTypes } from '../dicom/pictureKind.js';

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
  const dixon = dixonContrast(types, named);
  if (dixon) return dixon;
  return attributes.fatSuppressed === true ? 'T2-FS' : 'T2';
}

const WEIGHTED: Readonly<Record<string, Contrast>> = { PD: 'PD', STIR: 'STIR', T1: 'T1' };

const DIXON_CONTRAST: Readonly<Record<Dixon, Contrast>> = {
  IN_PHASE: 'T2-IN-PHASE',
  WATER: 'T2-WATER',
  OUT_PHASE: 'T2-OPPOSED-PHASE',
  FAT: 'T2-FAT',
  FRACTION: 'OTHER',
};

const DIXON_WORDS = new Set(['DIXON', 'MDIXON', 'DIX', 'FLEX', 'IDEAL', 'WFI', 'WATER', 'INPHASE']);
const WATER_WORDS = new Set(['WATER', 'W', 'WASSER', 'EAU', 'AGUA', 'ACQUA']);
const FAT_WORDS = new Set(['FAT', 'F', 'FETT', 'GRAISSE', 'GRASA', 'GRASSO', 'GORDURA', 'VET']);
const IN_WORDS = new Set(['INPHASE', 'IN', 'IP']);
const OPPOSED_WORDS = new Set(['OUTPHASE', 'OPPPHASE', 'OPPOSED', 'OUT', 'OPP', 'OP']);

function dixonContrast(types: readonly string[], named: readonly string[]): Contrast | null {
  const typed = dixonOfTypes(types.slice(2));
  if (typed) return DIXON_CONTRAST[typed];
  if (!named.some((word) => DIXON_WORDS.has(word))) return null;
  const has = (words: ReadonlySet<string>) => named.some((word) => words.has(word));
  if (has(IN_WORDS)) return 'T2-IN-PHASE';
  if (has(OPPOSED_WORDS)) return 'T2-OPPOSED-PHASE';
  if (has(WATER_WORDS)) return 'T2-WATER';
  return has(FAT_WORDS) ? 'T2-FAT' : null;
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
