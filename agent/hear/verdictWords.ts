import { folded } from './written/words.js';

/** What a reader's few words beside a box mean of it; null: in doubt, or nothing that is understood. */
export type Meant = 'calcified' | 'not-calcified' | 'agrees' | 'disagrees' | null;

/**
 * Words of seven languages, folded (no accents), whole words only, in this order: a doubt before a denial, a denial before
 * what it denies. Those of a language are one line each: English, German, French, Spanish, Italian, Dutch, Portuguese.
 */
const WORDS: readonly (readonly [readonly string[], Meant])[] = [
  [
    [
      'unsure|unclear|indeterminate|uncertain|perhaps|maybe',
      'unsicher|unklar|fraglich|vielleicht|nicht beurteilbar',
      'incertaine?|douteu(x|se)|peut-etre|pas sur',
      'inciert[oa]|dudos[oa]|quizas?|tal vez',
      'incert[oa]|dubbi[oa]|forse',
      'onzeker|onduidelijk|misschien|twijfelachtig',
      'duvidos[oa]|talvez',
    ],
    null,
  ],
  [
    [
      'incorrect|wrong|disagree|rejected|false[- ](positive|negative)',
      'falsch|nicht richtig|stimmt nicht|nicht einverstanden',
      "incorrecte?|faux|pas d'accord",
      'incorrect[oa]|erroneo|falso|no estoy de acuerdo',
      "errat[oa]|sbagliat[oa]|scorrett[oa]|non (sono )?d[ ']accordo",
      'onjuist|fout|niet juist|oneens',
      'incorret[oa]|errad[oa]|nao concordo',
    ],
    'disagrees',
  ],
  [
    [
      'not calcified|no calcifications?|without calcifications?|uncalcified|absent',
      'nicht verkalkt|keine? verkalkung(en)?|ohne verkalkung(en)?|unverkalkt',
      '(non|pas) calcifiee?s?|(pas de|sans|aucune) calcifications?',
      '(no|sin) calcificad[oa]s?|(sin|ninguna|no hay) calcificacion(es)?',
      'non calcificat[oaie]|(senza|nessuna) calcificazion[ei]',
      'niet verkalkte?|(geen|zonder) verkalking(en)?',
      '(nao|sem) calcificad[oa]s?|(sem|nenhuma) calcificac(ao|oes)',
    ],
    'not-calcified',
  ],
  [
    [
      'calcified|calcifications?|present',
      'verkalkte?[nrs]?|verkalkung(en)?',
      'calcifiee?s?',
      'calcificad[oa]s?|calcificacion(es)?',
      'calcificat[oaie]|calcificazion[ei]',
      'verkalking(en)?',
      'calcificac(ao|oes)',
    ],
    'calcified',
  ],
  [
    [
      'agree|agreed|confirmed|correct',
      'einverstanden|richtig|stimmt|bestatigt',
      "d'accord|correcte|confirmee?",
      'de acuerdo|correct[oa]|confirmad[oa]',
      "d'accordo|corrett[oa]|confermat[oa]",
      'akkoord|juist|eens|bevestigd',
      'de acordo|concordo|corret[oa]',
    ],
    'agrees',
  ],
];

const PATTERNS = WORDS.map(([words, meant]) => [new RegExp(`\\b(${words.join('|')})\\b`), meant] as const);

export function meantBy(words: string): Meant {
  const text = folded(words);
  if (text.includes('?')) return null;
  return PATTERNS.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}
