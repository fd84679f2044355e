import type { Level } from '../../agent/domain/levels.js';

export type Said = Partial<Record<Level, 'calcified' | 'not-calcified'>>;
const ALL: Said = {
  'L1-L2': 'not-calcified',
  'L2-L3': 'not-calcified',
  'L3-L4': 'not-calcified',
  'L4-L5': 'not-calcified',
  'L5-S1': 'not-calcified',
};
const yes = (...levels: Level[]): Said =>
  Object.fromEntries(levels.map((level) => [level, 'calcified' as const]));
const no = (...levels: Level[]): Said =>
  Object.fromEntries(levels.map((level) => [level, 'not-calcified' as const]));

/** Language, what is written, what it says of each disc. Written before the code that hears them, and held out from it. */
export const HELD_OUT: readonly (readonly [string, string, Said])[] = [
  ['en', 'L4/5: Broad-based disc herniation with coarse calcification.', yes('L4-L5')],
  ['en', 'Calcified disc extrusion at L5/S1 with compression of the left S1 root.', yes('L5-S1')],
  ['en', 'There is no calcified disc herniation.', ALL],
  ['en', 'No evidence of disc calcification at any level.', ALL],
  ['en', 'The L3-L4 disc is bulging without calcification.', no('L3-L4')],
  ['en', 'Calcification of the ligamentum flavum at L4-L5.', {}],
  ['en', 'Aortic calcification. Disc protrusion L4/L5.', {}],
  [
    'en',
    'L2-L3 and L3-L4: calcified discs. L4-L5: herniation, not calcified.',
    { ...yes('L2-L3', 'L3-L4'), ...no('L4-L5') },
  ],
  ['en', 'Possible calcification of the L5-S1 disc.', {}],
  ['en', 'Facet joint calcification at L5/S1. The disc at this level is not calcified.', no('L5-S1')],
  ['en', 'Disc herniation at L4-5, partially ossified.', yes('L4-L5')],
  ['en', 'Levels L1 to S1 were examined. Normal.', {}],

  ['de', 'LWK 4/5: Verkalkter Bandscheibenvorfall mediolateral links.', yes('L4-L5')],
  ['de', 'Keine Verkalkung der Bandscheiben.', ALL],
  ['de', 'Bandscheibenprolaps L5/S1 ohne Verkalkung.', no('L5-S1')],
  ['de', 'Verkalkung des Ligamentum flavum in Höhe LWK 3/4.', {}],
  ['de', 'Im Segment L3/4 kalzifizierte Protrusion. Aortensklerose mit Kalkplaques.', yes('L3-L4')],
  ['de', 'Kein Nachweis eines verkalkten Prolaps in L4/L5.', no('L4-L5')],
  ['de', 'LWK5/SWK1: Diskusextrusion, teilverkalkt.', yes('L5-S1')],
  ['de', 'Verdacht auf Verkalkung der Bandscheibe L2/3.', {}],
  ['de', 'Bandscheibenvorfall L4/5, nicht verkalkt.', no('L4-L5')],

  ['fr', 'Hernie discale calcifiée L5-S1 paramédiane gauche.', yes('L5-S1')],
  ['fr', 'Hernie discale L4-L5 sans calcification.', no('L4-L5')],
  ['fr', 'Pas de calcification discale.', ALL],
  ['fr', 'Absence de hernie calcifiée en L3-L4.', no('L3-L4')],
  ['fr', 'Calcifications du ligament jaune en L4-L5.', {}],
  ['fr', 'En L4/L5, protrusion discale avec calcifications au sein du disque.', yes('L4-L5')],
  ['fr', "Athérome calcifié de l'aorte abdominale.", {}],
  ['fr', 'Étage L2-L3 : discopathie calcifiante.', yes('L2-L3')],

  ['es', 'Hernia discal calcificada en L5-S1.', yes('L5-S1')],
  ['es', 'No se observan calcificaciones discales.', ALL],
  ['es', 'Protrusión discal L4-L5 sin calcificación.', no('L4-L5')],
  ['es', 'Calcificación del ligamento amarillo L3-L4.', {}],
  ['es', 'Disco L3-L4 con calcificación parcial.', yes('L3-L4')],
  ['es', 'Calcificaciones ateromatosas en la aorta.', {}],
  ['es', 'Hernia L4-L5 no calcificada.', no('L4-L5')],

  ['it', 'Ernia discale calcifica L4-L5.', yes('L4-L5')],
  ['it', 'Non si osservano calcificazioni discali.', ALL],
  ['it', 'Protrusione discale L5-S1 senza calcificazioni.', no('L5-S1')],
  ['it', 'Calcificazione del legamento giallo a livello L3-L4.', {}],
  ['it', 'Disco intersomatico L2-L3 con calcificazioni nel contesto.', yes('L2-L3')],
  [
    'it',
    'Ernia calcificata in L5-S1. Assenza di calcificazioni discali in L4-L5.',
    { ...yes('L5-S1'), ...no('L4-L5') },
  ],

  ['nl', 'Verkalkte discushernia L5-S1 links.', yes('L5-S1')],
  ['nl', 'Geen verkalking van de disci.', ALL],
  ['nl', 'Discushernia L4-L5 zonder verkalking.', no('L4-L5')],
  ['nl', 'Verkalking van het ligamentum flavum op niveau L4-L5.', {}],
  ['nl', 'Op niveau L3-L4 gecalcificeerde discus.', yes('L3-L4')],
  ['nl', 'Mogelijk verkalking van de discus L2-L3.', {}],

  ['pt', 'Hérnia discal calcificada em L5-S1.', yes('L5-S1')],
  ['pt', 'Sem calcificações discais.', ALL],
  ['pt', 'Protrusão discal L4-L5 sem calcificação.', no('L4-L5')],
  ['pt', 'Não há calcificação do disco L3-L4.', no('L3-L4')],
  ['pt', 'Calcificação do ligamento amarelo em L4-L5.', {}],
  ['pt', 'Disco L2-L3 calcificado. Ateromatose aórtica calcificada.', yes('L2-L3')],
];

/** A second round, of whole reports and harder turns, written when the first round had been heard once. */
export const REPORTS: readonly (readonly [string, string, Said])[] = [
  [
    'en',
    'Clinical history: calcified herniation?\nFindings:\nL3-L4: Normal disc.\nL4-L5: Disc extrusion. Calcified component measuring 6 mm.\nL5-S1: Small protrusion, no calcification.',
    { ...yes('L4-L5'), ...no('L5-S1') },
  ],
  ['en', 'Calcified disc herniation at L4-L5 and soft disc protrusion at L5-S1.', yes('L4-L5')],
  [
    'en',
    'The disc herniation at L4/5 shows no calcification, but the L5/S1 disc is densely calcified.',
    { ...no('L4-L5'), ...yes('L5-S1') },
  ],
  ['en', 'Calcification of the disc at L4-L5 cannot be excluded.', {}],
  [
    'en',
    'The nerve root is not compressed. There is a calcified herniation of the L5/S1 disc.',
    yes('L5-S1'),
  ],
  ['en', 'Disc calcification is absent at L2/3.', no('L2-L3')],
  ['en', 'Noncalcified disc herniation L3/4.', no('L3-L4')],
  [
    'de',
    'Fragestellung: verkalkter BSV?\nBefund:\nLWK 3/4: Protrusion ohne Verkalkung.\nLWK 4/5: BSV mit Verkalkungen, 8 mm.\nLWK 5/SWK 1: Unauffällig.',
    { ...no('L3-L4'), ...yes('L4-L5') },
  ],
  ['de', 'Eine Verkalkung der Bandscheibe L5/S1 ist nicht nachweisbar.', no('L5-S1')],
  ['de', 'Der Bandscheibenvorfall in L4/5 ist deutlich verkalkt, der in L5/S1 nicht.', yes('L4-L5')],
  ['de', 'Bandscheibenverkalkung L1/2 und L2/3.', yes('L1-L2', 'L2-L3')],
  [
    'fr',
    'Indication : lombosciatique.\nRésultats : En L4-L5, hernie discale calcifiée. En L5-S1, protrusion sans calcification.',
    { ...yes('L4-L5'), ...no('L5-S1') },
  ],
  ['fr', "Il n'existe pas de calcification du disque L5-S1.", no('L5-S1')],
  ['fr', 'Hernie discale non calcifiée en L4-L5.', no('L4-L5')],
  [
    'es',
    'A nivel L4-L5 se observa hernia discal con calcificaciones; en L5-S1 hernia sin calcificar.',
    { ...yes('L4-L5'), ...no('L5-S1') },
  ],
  ['es', 'Posible calcificación del disco L5-S1.', {}],
  [
    'it',
    'In L4-L5 ernia discale parzialmente calcifica. In L5-S1 protrusione non calcifica.',
    { ...yes('L4-L5'), ...no('L5-S1') },
  ],
  ['it', 'Sospetta calcificazione del disco L3-L4.', {}],
  [
    'nl',
    'L4-L5: discushernia met verkalking. L5-S1: geen verkalkte hernia.',
    { ...yes('L4-L5'), ...no('L5-S1') },
  ],
  ['nl', 'De discus L5-S1 is niet verkalkt.', no('L5-S1')],
  [
    'pt',
    'Em L4-L5, hérnia discal com calcificação. Em L5-S1, hérnia não calcificada.',
    { ...yes('L4-L5'), ...no('L5-S1') },
  ],
  ['pt', 'Calcificação no disco L1-L2.', yes('L1-L2')],
];
