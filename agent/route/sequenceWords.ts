export type Weighting = 'T1' | 'T2' | 'T2STAR' | 'PD' | 'STIR' | 'FLAIR' | 'DWI' | 'NONE' | 'UNKNOWN';

type Named = readonly (readonly [RegExp, Weighting])[];

/** Names that settle the weighting whatever the timing says; the first that matches wins. Of `wordsOf` texts. */
const SETTLING: Named = [
  [/\bT1 ?FLAIR\b/, 'T1'],
  [/\b(T2 ?)?(STIR|TIRM)\d*\b|\bSHORT TI\b/, 'STIR'],
  [/\bFLAIR\w*|\bT2FLAIR\b/, 'FLAIR'],
  [/\bDWI\w*|\bDIFF\b|\bDIFFUS\w*|\bDIFUS\w*|\bADC\b|\bEADC\b|\bTRACEW?\b|\bDTI\b|\bB ?1?\d00\b/, 'DWI'],
  [/\bT2STAR\w*|\bMEDIC\b|\bMERGE\b|\bM ?FFE\b|\bHEMO\b/, 'T2STAR'],
];

/** Names that are believed where the timing says nothing. */
const FALLBACK: Named = [
  [/\b[A-Z]{0,3}T2(?!\d)[A-Z]*\b/, 'T2'],
  [/\b[A-Z]{0,3}T1(?!\d)[A-Z]*\b/, 'T1'],
  [/\bPD[A-Z]*\b|\bDP\b|\bPROTON\w*|\bDENSI\w* (DE )?PROT\w*/, 'PD'],
  [/\bHASTE\b|\bSSFSE\b/, 'T2'],
];

export function settledWeighting(words: string): Weighting | null {
  return SETTLING.find(([pattern]) => pattern.test(words))?.[1] ?? null;
}

export function namedWeighting(words: string): Weighting {
  return FALLBACK.find(([pattern]) => pattern.test(words))?.[1] ?? 'UNKNOWN';
}

const FAT_SUPPRESSED =
  /\b(T1|T2|PD|DP)?W?(FS|FATSAT|FSAT|FATSUPP?|FETTSAT\w*|SPAIR|ASPIR|SPIR|SPECIAL|CHESS)\b|\bFAT SAT\w*|\bFAT SUP\w*|\bFETT ?S\w*|\bSAT(URATION)? (DE )?(LA )?GRAISSE\b|\bSAT(URACION)? GRASA\b|\bWATER EXC\w*/;

export function isFatSuppressedByName(words: string): boolean {
  return FAT_SUPPRESSED.test(words);
}

/** Pictures to plan by, in the languages of the consoles. */
const PLANNING =
  /\b(SCOUT\w*|AAH?SCOUT|AUTOALIGN|LOCALI[SZ]ER\w*|LOCATOR|LOC|LOCA|3 ?PL|3 ?PLANES?|3 ?PLAN LOC|TRIPLANAR|SURVEY|SURVIEW|SCANOGRAM\w*|TOPOGRAM\w*|TOPO|PILOT|PLAN ?SCAN|SMART ?BRAIN|SMART ?PLAN|CALIBRATION|CALIB|ASSET CAL\w*|REF(ERENCE)? SCAN|UEBERSICHT\w*|UBERSICHT\w*|REPERAGE|CENTRAGE|LOCALISATEUR|LOCALIZADOR\w*|LOCALIZZATORE|CENTRATORE|PLANNING)\b/;

export function isPlanningByName(words: string): boolean {
  return PLANNING.test(words);
}
