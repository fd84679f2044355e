import { type Answer, isStated } from '../domain/answers.js';
import { CT_LABELS } from '../domain/ctLabels.js';
import { CALCIFICATION } from '../domain/findings.js';
import { measurementOf, scoreOf } from './answers.js';
import { CONCEPT } from './codes.js';
import type { ReportDisc, ReportInput } from './types.js';

/** The answer of one disc in one line, for viewers that show little else (OHIF takes it as the label of the box). */
export function answerLine(input: ReportInput, disc: ReportDisc): string {
  const { localisation, discs } = input;
  const where =
    localisation.status === 'located'
      ? disc.level
      : `Disc ${discs.indexOf(disc) + 1} of ${discs.length} from above, level NOT confirmed (perhaps ${disc.level})`;
  return `${where}: ${[mrWords(input, disc), ...ctWords(input, disc)].join('; ')}. AI, research only`;
}

/**
 * What the number beside a box is called, in the words that OHIF shows of it before it is hydrated: it draws a NUM's
 * meaning and value and the finding site, and no comment. The code stays 111012 DCM.
 */
export function certaintyMeaning(
  { localisation, parameters: { prevalence } }: ReportInput,
  { answer }: ReportDisc,
): string {
  if (answer === null) return CONCEPT.certainty.meaning;
  const said = answer.answer === 'calcified' ? `${NOUN} FLAGGED` : capitalised(SAID[answer.answer]);
  if (localisation.status !== 'located') return `LEVEL NOT CONFIRMED: ${said}`;
  // At a site's share of calcified discs a flag may be 14 %: without where flags begin it reads as a mistake.
  if (prevalence === null || !isStated(answer.answer)) return said;
  return `${said} (${answer.answer === 'calcified' ? 'from' : 'below'} ${percentWords(answer.threshold)})`;
}

/** Where the disc is, and that nothing is said of it where no number says so. */
export function siteMeaning({ localisation }: ReportInput, disc: ReportDisc): string {
  const where =
    localisation.status === 'located'
      ? `${disc.level} intervertebral disc`
      : `Lumbar disc, LEVEL NOT CONFIRMED (perhaps ${disc.level})`;
  if (scoreOf(disc) !== null) return where;
  return `${where}: ${disc.answer === null ? 'not classified' : SAID[disc.answer.answer]}`;
}

function mrWords({ parameters }: ReportInput, disc: ReportDisc): string {
  if (disc.answer === null) return 'not classified on MR';
  const score = scoreOf(disc);
  const percent = score === null ? '' : `, ${percentWords(score)}`;
  // At a site's share of calcified discs a flag may be 14 %: without where flags begin it reads as a mistake.
  const from =
    percent && parameters.prevalence !== null ? ` (flagged from ${percentWords(disc.answer.threshold)})` : '';
  return `${SAID[disc.answer.answer]}${percent} on MR${from}`;
}

export const SAID = {
  calcified: 'calcification flagged',
  'not-calcified': 'no calcification flagged',
  indeterminate: 'calcification indeterminate',
  'not-assessable': 'not assessable',
} as const satisfies Record<Answer, string>;

function ctWords(input: ReportInput, disc: ReportDisc): string[] {
  const ct = measurementOf(input, disc);
  if (ct === null) return [];
  const { label, meanHu, maxHu } = ct;
  const values = [
    ...(meanHu === null ? [] : [`mean ${meanHu.toFixed(0)} HU`]),
    ...(maxHu === null ? [] : [`maximum ${maxHu.toFixed(0)} HU`]),
  ];
  return [`CT ${CT_LABELS[label].words}${values.length > 0 ? `, ${values.join(', ')}` : ''}`];
}

const capitalised = (words: string) => `${words[0]!.toUpperCase()}${words.slice(1)}`;
const NOUN = capitalised(CALCIFICATION.words.noun);

/** No more certain than the number: nothing rounds up to 100 % nor down to 0 %. */
export function percentWords(probability: number): string {
  const percent = Math.min(99, Math.max(1, Math.round(100 * probability)));
  if (probability > 0.995) return 'over 99 %';
  return probability < 0.005 ? 'under 1 %' : `${percent} %`;
}
