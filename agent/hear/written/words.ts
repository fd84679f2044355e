import type { REPORT_LANGUAGES } from '../../../config/hear.js';

/**
 * The words of written reports, folded: lower case, without accents, ß as ss. Each is the beginning of a word unless it
 * ends in a space.
 */
export interface ReportWords {
  /** Words that tell the language, some of them the trade's. */
  readonly signs: readonly string[];
  /** What it denies stands anywhere behind it in its clause: no, without, keine. */
  readonly denials: readonly string[];
  /** What it denies stands right behind it: not, nicht. */
  readonly adverbs: readonly string[];
  /** Behind what it denies: absent, nicht nachweisbar. */
  readonly absences: readonly string[];
  readonly doubts: readonly string[];
  /** Begin a clause of its own. */
  readonly turns: readonly string[];
  /** Between two levels, or two findings. */
  readonly ands: readonly string[];
  /** The disc or the level that was spoken of before. */
  readonly backs: readonly string[];
}

export const REPORT_WORDS = {
  en: {
    signs: [
      'the ',
      'of ',
      'is ',
      'at ',
      'with ',
      'there ',
      'without ',
      'evidence',
      'herniation',
      'calcified ',
      'calcification ',
      'disc ',
      'discs ',
      'level ',
      'levels ',
      'were ',
      'was ',
      'no ',
      'bulging',
    ],
    denials: ['no ', 'without ', 'absence of ', 'absent ', 'free of ', 'negative for ', 'neither ', 'nor '],
    adverbs: ['not ', 'non '],
    absences: [
      'absent',
      'not seen',
      'not present',
      'not identified',
      'not visible',
      'not demonstrated',
      'excluded',
      'ruled out',
    ],
    doubts: [
      'possibl',
      'probabl',
      'suspect',
      'suspic',
      'questionable',
      'may ',
      'might ',
      'cannot be ',
      'equivocal',
      'likely',
      'question of ',
    ],
    turns: ['but ', 'however ', 'whereas ', 'while '],
    ands: ['and '],
    backs: ['this ', 'here ', 'the disc ', 'the disk ', 'same '],
  },
  de: {
    signs: [
      'der ',
      'die ',
      'das ',
      'und ',
      'mit ',
      'ohne ',
      'kein',
      'nicht ',
      'im ',
      'des ',
      'lwk',
      'swk',
      'bandscheibe',
      'prolaps',
      'verkalk',
      'kalzifi',
      'hohe ',
      'diskus',
      'verdacht auf ',
    ],
    denials: ['kein', 'ohne ', 'weder ', 'noch '],
    adverbs: ['nicht '],
    absences: [
      'nicht nachweisbar',
      'nicht erkennbar',
      'nicht sichtbar',
      'nicht abgrenzbar',
      'ausgeschlossen',
      'nicht vorhanden',
    ],
    doubts: [
      'moglich',
      'fraglich',
      'verdacht',
      'v. a',
      'v.a',
      'vermutlich',
      'wahrscheinlich',
      'nicht auszuschliess',
      'nicht sicher',
      'evtl',
      'eventuell',
    ],
    turns: ['aber ', 'jedoch ', 'dagegen ', 'hingegen '],
    ands: ['und ', 'sowie '],
    backs: ['hier ', 'dort ', 'diese', 'die bandscheibe '],
  },
  fr: {
    signs: [
      'le ',
      'les ',
      'du ',
      'des ',
      'et ',
      'avec ',
      'sans ',
      'pas ',
      'au ',
      'en ',
      'hernie',
      'discale ',
      'discal ',
      'etage ',
      'calcifie',
      'jaune ',
      'discopathie',
      'disque ',
      'calcification ',
      'pas de ',
      "l'aorte",
      'il ',
    ],
    denials: ['sans ', 'pas de ', 'pas d', 'absence de ', "absence d'", 'aucun', 'ni '],
    adverbs: ['non ', 'pas '],
    absences: ['absent', 'non visible', 'non retrouve', 'exclu'],
    doubts: ['possible', 'probable', 'suspect', 'suspicion', 'eventuel', 'douteu', 'peut etre ', 'semble'],
    turns: ['mais ', 'cependant ', 'en revanche '],
    ands: ['et '],
    backs: ['a ce niveau', 'cet etage', 'ce disque', 'le disque '],
  },
  es: {
    signs: [
      'el ',
      'los ',
      'las ',
      'del ',
      'con ',
      'sin ',
      'y ',
      'se ',
      'hernia ',
      'disco ',
      'calcificad',
      'calcificacion',
      'protrusion ',
      'ligamento ',
      'amarillo',
      'discales',
      'ateromatosas',
      'en ',
      'no ',
    ],
    denials: ['sin ', 'no se ', 'no hay ', 'no existe', 'ausencia de ', 'ningun', 'ni '],
    adverbs: ['no '],
    absences: ['ausente', 'descartad', 'no visible'],
    doubts: ['posible', 'probable', 'sospech', 'dudos', 'no se puede descartar', 'podria', 'parece'],
    turns: ['pero ', 'aunque ', 'sin embargo '],
    ands: ['y ', 'e '],
    backs: ['a este nivel', 'en este nivel', 'este disco', 'el disco '],
  },
  it: {
    signs: [
      'il ',
      'lo ',
      'gli ',
      'di ',
      'del ',
      'della ',
      'con ',
      'senza ',
      'non ',
      'si ',
      'ernia',
      'calcific',
      'calcificazion',
      'protrusione',
      'discale',
      'livello ',
      'legamento',
      'intersomatic',
      'nel ',
    ],
    denials: ['senza ', 'non si ', 'non vi ', 'assenza di ', 'nessun', 'ne '],
    adverbs: ['non '],
    absences: ['assent', 'esclus', 'non visibil'],
    doubts: ['possibil', 'probabil', 'sospett', 'dubbi', 'non si puo escludere', 'potrebbe', 'sembra'],
    turns: ['ma ', 'pero ', 'tuttavia ', 'mentre '],
    ands: ['e ', 'ed '],
    backs: ['a questo livello', 'tale livello', 'questo disco', 'il disco '],
  },
  nl: {
    signs: [
      'de ',
      'het ',
      'een ',
      'van ',
      'en ',
      'met ',
      'zonder ',
      'geen ',
      'op ',
      'niet ',
      'discushernia',
      'discus ',
      'disci',
      'verkalking',
      'gecalcific',
      'niveau ',
      'mogelijk',
      'verkalkte ',
    ],
    denials: ['geen ', 'zonder ', 'afwezigheid van ', 'noch '],
    adverbs: ['niet '],
    absences: ['afwezig', 'niet zichtbaar', 'niet aantoonbaar', 'uitgesloten'],
    doubts: ['mogelijk', 'waarschijnlijk', 'verdacht', 'verdenking', 'uit te sluiten', 'twijfel'],
    turns: ['maar ', 'echter ', 'terwijl '],
    ands: ['en '],
    backs: ['hier ', 'dit niveau', 'deze discus', 'de discus '],
  },
  pt: {
    signs: [
      'o ',
      'os ',
      'as ',
      'do ',
      'da ',
      'com ',
      'sem ',
      'em ',
      'nao ',
      'ha ',
      'hernia ',
      'calcificad',
      'calcificac',
      'calcificacao ',
      'calcificacoes',
      'protrusao',
      'amarelo',
      'discais',
      'aortica',
      'disco ',
    ],
    denials: ['sem ', 'nao ha ', 'nao se ', 'ausencia de ', 'nenhum', 'nem '],
    adverbs: ['nao '],
    absences: ['ausente', 'excluid', 'nao visivel'],
    doubts: ['possivel', 'provavel', 'suspeit', 'duvidos', 'nao se pode excluir', 'parece'],
    turns: ['mas ', 'porem ', 'contudo '],
    ands: ['e '],
    backs: ['neste nivel', 'nesse nivel', 'este disco', 'o disco '],
  },
} as const satisfies Record<(typeof REPORT_LANGUAGES)[number], ReportWords>;

export type ReportLanguage = keyof typeof REPORT_WORDS;

/** Of calcification, in every language; the Latin stems are the same. */
export const CALCIFICATION =
  /\b(?!de|ent)\w*(calcif|calcific|kalzif|kalcif|verkalk|kalk(?!stein)|ossif|osifica|verknocher|calcico|calcica)\w*/g;
/** Denied by the word itself. */
export const UNCALCIFIED = /^(un|non|nicht|niet)-?(calcif|verkalk|kalzif|ossif)/;

export const DISC =
  /\b\w*(disc[ao]?\b|discs\b|disc[ao]s\b|discal|discais|discus|disci\b|disk\b|disks\b|diskus|disque|bandscheib|prolap|protrus|extrus|herni|ernia|bulg|discopat|nucleus|annul|anulus|sequest|intersomatic|bsv\b)\w*/g;
/** What else in these images is calcified. */
export const ELSEWHERE =
  /\b\w*(ligament|legament|flavum|aort|arter|vascul|vessel|gefass|vaisseau|facet|fazett|interapophys|zygapophys|apofis|athero|atero|plaque|endplate|deckplatt|osteophyt|osteofit|osteofyt|kidney|niere|renal|renais|rene\b|gallbladder|gallenblase|lymph|myom|prostat|dural?\b|hemangiom|tendon|sehne|iliac|longitudinal)\w*/g;

/** Lines that ask, and say nothing. */
export const ASKING =
  /^\s*(clinical|indication|history|question|reason|anamnes|klinische|fragestellung|indikation|renseignement|contexte|motif|indicacion|motivo|datos clinicos|quesito|indicazion|notizie cliniche|indicatie|vraagstelling|klinische gegevens|indicacao|informacao clinica)[^:]*:/;

/** Lower case without accents, letters as ASCII has them where they have them. */
export function folded(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .replaceAll('’', "'")
    .replace(/[–—−]/g, '-');
}
