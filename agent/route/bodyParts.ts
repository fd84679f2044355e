import { type NamedRegion, regionIn, wordsOf } from './words.js';

/**
 * Anatomic regions of CID 4031 (PS3.16) and their older codes (Table L-1, and SNOMED-RT's) that are or hold the lumbar
 * spine. Any other code of SNOMED's names another part.
 */
const CODES: Readonly<Record<string, NamedRegion | null>> = {
  // Lumbar, lumbosacral and thoracolumbar spine, lumbar region
  '122496007': 'LUMBAR',
  'T-11503': 'LUMBAR',
  '1217253001': 'LUMBAR',
  '297173004': 'LUMBAR',
  '243898001': 'LUMBAR',
  'T-D00F9': 'LUMBAR',
  'T-D0059': 'LUMBAR',
  '1217256009': 'LUMBAR',
  '297172009': 'LUMBAR',
  '297174005': 'LUMBAR',
  'T-D00F8': 'LUMBAR',
  'T-D00FA': 'LUMBAR',
  '52612000': 'LUMBAR',
  'T-D2300': 'LUMBAR',
  // Spine, vertebral column and cranium, back, entire body: which part of it is not said
  '421060004': null,
  'T-D04FF': null,
  'T-D0146': null,
  '110517009': null,
  'T-11011': null,
  '77568009': null,
  'T-D2100': null,
  '38266002': null,
  'T-D0010': null,
  // Abdomen, pelvis, lower trunk, with or without chest and neck
  '818981001': 'TRUNK',
  '113345001': 'TRUNK',
  'T-D4000': 'TRUNK',
  '818982008': 'TRUNK',
  '416949008': 'TRUNK',
  'R-FAB57': 'TRUNK',
  '816092008': 'TRUNK',
  '118645006': 'TRUNK',
  '12921003': 'TRUNK',
  'T-D6000': 'TRUNK',
  '63337009': 'TRUNK',
  'T-D2020': 'TRUNK',
  '416550000': 'TRUNK',
  'R-FAB55': 'TRUNK',
  '416775004': 'TRUNK',
  'R-FAB56': 'TRUNK',
  '416152001': 'TRUNK',
  'R-FAB53': 'TRUNK',
  '416319003': 'TRUNK',
  'R-FAB54': 'TRUNK',
};

/** SNOMED CT and the designators it went by (PS3.16 8.1). */
const SNOMED: readonly string[] = ['SCT', 'SRT', 'SNM3', '99SDM'];

/** @param codes as `SCHEME:VALUE`; the first that is SNOMED's and says a part decides, null when none does */
export function regionOfCodes(codes: readonly string[]): NamedRegion | null {
  for (const code of codes) {
    const at = code.indexOf(':');
    if (!SNOMED.includes(code.slice(0, at))) continue;
    const region = CODES[code.slice(at + 1)];
    if (region !== null) return region ?? 'OTHER';
  }
  return null;
}

/** The spine as a whole, or nothing at all: the series' own words say which part of it. */
const UNSPECIFIC =
  /^(\w*)(SPINE|SPINES|WS|WIRBEL\w*|RACHIS|RACHIDE|COLUMNA|COLUNA|COLONNA|WERVELKOLOM|BACK|BODY|WHOLEBODY)$/;
const WHOLE_SPINE = /\b(CTL|CTLS|WHOLE|TOTAL|ENTIRE|FULL|ALL|GANZE|GESAMTE)( ?)(SPINE|SP|WS)\b/;

/**
 * Of BodyPartExamined: a term of PS3.16 Annex L or a word in one of the languages.
 * @returns null for the spine as a whole, and for what names no part
 */
export function regionOfBodyPart(bodyPart: string): NamedRegion | null {
  const words = wordsOf(bodyPart);
  if (WHOLE_SPINE.test(words)) return null;
  const named = regionIn(words);
  if (named) return named.region;
  if (UNSPECIFIC.test(words.trim().replaceAll(' ', ''))) return null;
  return TERMS_OF_ANNEX_L.has(words.trim().replaceAll(' ', '')) ? 'OTHER' : null;
}

/** Defined terms whose words the languages' table does not know. */
const TERMS_OF_ANNEX_L: ReadonlySet<string> = new Set(
  (
    'ACJOINT ANTECUBITALV ANTTIBIALA ANUS AXILLA AXILLARYA BILEDUCT BRONCHUS BUTTOCK CALF CELIACA CIRCLEOFWILLIS ' +
    'COLON DUODENUM ESOPHAGUS ETHMOIDBONE FOREHEAD GALLBLADDER ILEUM ILIACA ILIUM JAW JEJUNUM LARGEINTESTINE LEG ' +
    'LIMB LOWERLEG LOWERLIMB NASALBONE OPTICCANAL PHANTOM POSFOSSA POPLITEALA SCALP SCJOINT SELLA SMALLINTESTINE ' +
    'SUBMANDIBULAR TONGUE TRACHEA UPPERARM UPPERLIMB URETER URETHRA ZYGOMA ZYGOMATICARCH'
  ).split(' '),
);
