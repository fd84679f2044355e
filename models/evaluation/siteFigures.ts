import type { Answer } from '../../agent/domain/answers.js';
import type { CtLabel } from '../../agent/domain/ctLabels.js';
import { type Performance, performanceOf, type Share, share } from '../statistics/confusion.js';

export interface SiteDisc {
  readonly studyInstanceUid: string;
  readonly probability: number;
  readonly answer: Answer;
  readonly ctLabel: CtLabel | null;
}

/** With fewer no threshold is suggested: the 95th percentile would rest on fewer than ten discs. */
export const LEAST_DISCS = 200;
export const LEAST_STUDIES = 40;
/** Share of ordinary discs that a worklist bears. */
export const BEARABLE = 0.05;

export interface SiteFigures {
  readonly studies: number;
  readonly discs: number;
  readonly answers: Readonly<Record<Answer, number>>;
  /** Of those told. */
  readonly flagged: Share | null;
  /** Against CT, at the bounds in force; null without a disc that both tell. */
  readonly againstCt: Performance | null;
  readonly suggestion: Suggestion | { readonly none: string };
}

export interface Suggestion {
  /** The score that BEARABLE of the site's discs reach that no CT calls calcified. */
  readonly threshold: number;
  /** Discs it rests on. */
  readonly discs: number;
  readonly flagged: Share;
  /** Against CT at that threshold. */
  readonly againstCt: Performance | null;
}

/**
 * What a site's own studies say of a classifier: the share it flags, what CT says of it, and the threshold at which no
 * more than BEARABLE of what no CT calls calcified would be flagged. Discs without a CT count as ordinary, since a few per cent
 * are not: the suggestion is a little too high rather than too low.
 */
export function siteFigures(all: readonly SiteDisc[]): SiteFigures {
  const count = (answer: Answer) => all.filter((disc) => disc.answer === answer).length;
  const answers = {
    calcified: count('calcified'),
    'not-calcified': count('not-calcified'),
    indeterminate: count('indeterminate'),
    'not-assessable': count('not-assessable'),
  };
  const assessable = all.filter(({ answer }) => answer !== 'not-assessable');
  const told = all.filter(({ answer }) => answer === 'calcified' || answer === 'not-calcified');
  return {
    studies: new Set(all.map(({ studyInstanceUid }) => studyInstanceUid)).size,
    discs: all.length,
    answers,
    flagged: share(answers.calcified, told.length),
    againstCt: againstCt(told, ({ answer }) => answer === 'calcified'),
    suggestion: suggest(assessable),
  };
}

function suggest(assessable: readonly SiteDisc[]): SiteFigures['suggestion'] {
  const ordinary = assessable.filter(({ ctLabel }) => ctLabel !== 'calcified');
  const studies = new Set(ordinary.map(({ studyInstanceUid }) => studyInstanceUid)).size;
  if (ordinary.length < LEAST_DISCS || studies < LEAST_STUDIES)
    return {
      none: `${ordinary.length} discs of ${studies} studies are too few: ${LEAST_DISCS} of ${LEAST_STUDIES} are needed`,
    };
  const scores = ordinary.map(({ probability }) => probability).sort((a, b) => a - b);
  const threshold = scores.at(-Math.floor(BEARABLE * scores.length))!;
  const isFlagged = ({ probability }: SiteDisc) => probability >= threshold;
  return {
    threshold,
    discs: ordinary.length,
    flagged: share(ordinary.filter(isFlagged).length, ordinary.length)!,
    againstCt: againstCt(assessable, isFlagged),
  };
}

function againstCt(discs: readonly SiteDisc[], isFlagged: (disc: SiteDisc) => boolean): Performance | null {
  const both = discs.filter(({ ctLabel }) => ctLabel === 'calcified' || ctLabel === 'not-calcified');
  if (both.length === 0) return null;
  return performanceOf(
    both.map((disc) => ({ label: disc.ctLabel === 'calcified', calledPositive: isFlagged(disc) })),
  );
}
