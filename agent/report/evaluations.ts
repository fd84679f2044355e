import type { Answer } from '../domain/answers.js';
import { CALCIFICATION } from '../domain/findings.js';
import { LEVELS } from '../domain/levels.js';
import { choiceStatements } from './choice.js';
import { CONCEPT, VALUE } from './codes.js';
import { type ContentItem, code, container, text } from './content.js';
import { pairingStatements, unconfirmed } from './pairing.js';
import type { ReportDisc, ReportInput } from './types.js';

export const RESEARCH_STATEMENT =
  'Calcidisc is research software, not a medical device. Nothing in this report may guide care without a ' +
  'physician who has read the images. Nobody has verified it.';

/** What the report says as a whole (TID 1500, "Qualitative Evaluations"). */
export function qualitativeEvaluations(input: ReportInput): ContentItem {
  const comments = remarks(input);
  return container(CONCEPT.qualitativeEvaluations, null, [
    text('CONTAINS', CONCEPT.conclusion, conclusion(input)),
    ...comments.map((comment) => text('CONTAINS', CONCEPT.comment, comment)),
    ...recommendations(input),
  ]);
}

/** What must be read with the answer, in whatever form it is told. */
export function remarks(input: ReportInput): readonly string[] {
  return [
    RESEARCH_STATEMENT,
    ...modelStatement(input),
    localisationStatement(input),
    ...choiceStatements(input.choice),
    ...pairingStatements(input),
    ...amendmentStatement(input),
  ];
}

const { noun } = CALCIFICATION.words;
const NOUN = noun[0]!.toUpperCase() + noun.slice(1);

/** The answer in a sentence, first, for who opens the report. */
export function conclusion({ localisation, discs }: ReportInput): string {
  if (localisation.status === 'not-found') return 'No result: no lumbar disc was found.';
  const flagged = discs.filter(isFlagged);
  const rest = unstated(discs);
  if (localisation.status === 'uncertain')
    return `${NOUN} flagged in ${flagged.length} of ${discs.length} discs, levels not confirmed.${rest}`;
  const where = flagged.map((disc) => disc.level).join(', ');
  if (where) return `${NOUN} flagged at ${where}.${rest}`;
  return discs.some(({ answer }) => answer?.answer === 'not-calcified')
    ? `No ${noun} flagged.${rest}`
    : `No result.${rest}`;
}

/** The answer with every doubt and what it is, for who reads no further. */
export function inShort(input: ReportInput): string {
  const { status, reasons } = input.localisation;
  const next = recommendation(input);
  return [
    conclusion(input),
    ...(reasons.length > 0 ? [`Levels ${status}: ${reasons.join('; ')}.`] : []),
    ...(next ? [next.reason] : []),
    'AI, research only, not for diagnosis.',
  ].join(' ');
}

function isFlagged({ answer }: ReportDisc): boolean {
  return answer?.answer === 'calcified';
}

/** The discs about which nothing is stated, so that "none flagged" is not read as "all are free". */
function unstated(discs: readonly ReportDisc[]): string {
  const count = (answer: Answer | undefined) => discs.filter((disc) => disc.answer?.answer === answer).length;
  const of = (answer: Answer | undefined, words: string) =>
    count(answer) > 0 ? ` ${count(answer)} of ${discs.length} discs ${words}.` : '';
  return [
    of('indeterminate', 'indeterminate'),
    of('not-assessable', 'not assessable'),
    of(undefined, 'could not be classified'),
  ].join('');
}

function modelStatement({ classifier }: ReportInput): string[] {
  if (classifier === null) return [];
  const source = classifier.attribution ? ` Training images: ${classifier.attribution}` : '';
  if (!classifier.simulated) return source ? [source.trim()] : [];
  return [
    `The classifier ${classifier.name} ${classifier.version} was trained on simulated ${noun} over real ` +
      `anatomy. How well it does on real ${noun} is not known.${source}`,
  ];
}

function localisationStatement({ localisation, discs }: ReportInput): string {
  const { status, reasons } = localisation;
  const why = reasons.length > 0 ? ` Reasons: ${reasons.join('; ')}.` : '';
  if (status === 'not-found') return `No lumbar disc was found on the MR, so none was read.${why}`;
  if (status === 'uncertain')
    return `The levels of the ${discs.length} discs found on the MR are uncertain and are not stated as fact.${why}`;
  const missing = LEVELS.filter((level) => !discs.some((disc) => disc.level === level));
  const found = `Discs read: ${discs.map((disc) => disc.level).join(', ')}.`;
  const left = missing.length === 0 ? '' : ` Not found, so not read: ${missing.join(', ')}.`;
  const known = reasons.length > 0 ? ` To be known of the MR: ${reasons.join('; ')}.` : '';
  return `${found}${left}${known}`;
}

function amendmentStatement({
  predecessor,
  alsoReplaced = [],
  revision,
  revisionReason,
}: ReportInput): string[] {
  if (predecessor === null) return [];
  const others = alsoReplaced.length;
  const also = others > 0 ? `, and ${others} of other series of the study` : '';
  return [
    `Amended report, revision ${revision}; it replaces the one before${also}. Reason: ${revisionReason}.`,
  ];
}

function recommendations(input: ReportInput): ContentItem[] {
  const next = recommendation(input);
  if (next === null) return [];
  const { wantsCt, reason } = next;
  return [
    ...(wantsCt ? [code('CONTAINS', CONCEPT.recommendedFollowUp, VALUE.computedTomography)] : []),
    text('CONTAINS', CONCEPT.recommendation, reason),
  ];
}

/** What a person should do next, and why; null when there is nothing beyond reading the study. */
export function recommendation(input: ReportInput): { wantsCt: boolean; reason: string } | null {
  const { localisation, discs, ct, pairing } = input;
  if (localisation.status !== 'located')
    return { wantsCt: false, reason: PERSON_NEEDED[localisation.status] };
  const calcified = discs.filter(isFlagged).map((disc) => disc.level);
  if (calcified.length === 0 || ct !== null) return null;
  const where = calcified.join(', ');
  const { wantsCt, why } = unconfirmed(pairing.outcome);
  return { wantsCt, reason: `The classifier flags ${noun} at ${where} on MR alone, and ${why}.` };
}

const PERSON_NEEDED = {
  uncertain: 'A person must confirm the level of every disc before these findings are used.',
  'not-found': 'A person must read this study: the software could not.',
} as const;
