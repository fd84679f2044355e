import type { ReaderVerdictRow } from '../../db/tables/readerVerdicts.js';
import type { CaseView } from '../../db/views/caseView.js';
import { ANSWER_WORDS } from '../domain/answers.js';
import { READER_VERDICTS } from '../domain/readerVerdicts.js';
import { measurementBeside } from './comparison.js';
import { moment } from './words.js';

type Seen = Pick<CaseView, 'readerVerdicts' | 'mr' | 'ct' | 'measurements' | 'reports'>;

/** Who said it: nobody signs what most viewers write. */
export function readerName({
  reader,
  callingAe,
  via,
}: Pick<ReaderVerdictRow, 'reader' | 'callingAe' | 'via'>): string {
  if (via === 'page') return `${reader} (on this page)`;
  const name = reader.split('=')[0]!.replaceAll('^', ' ').trim();
  return name ? `${name} (by ${callingAe})` : `an unnamed reader (by ${callingAe})`;
}

/** One reader's word about one disc: the verdict, what he says of it, what he moved, and his own words. */
export function verdictText(verdict: ReaderVerdictRow): string {
  const { disc, answer, level, box, words } = verdict;
  const said = [
    READER_VERDICTS[verdict.verdict],
    answer && ANSWER_WORDS[answer].toLowerCase(),
    level && `calls it ${level}`,
    box && verdict.verdict !== 'added' && 'moved the box',
    verdict.verdict !== 'confirmed' && words && `“${words}”`,
  ];
  return `${disc ?? 'elsewhere'}: ${said.filter(Boolean).join(', ')}`;
}

/** How much a reader's word may be leant on: never by itself. */
export type Standing = 'ct-agrees' | 'ct-differs' | 'two-readers' | 'readers-differ' | 'alone' | 'nothing';

export const STANDING_WORDS = {
  'ct-agrees': 'the CT says the same',
  'ct-differs': 'the CT says otherwise',
  'two-readers': 'a second reader says the same',
  'readers-differ': 'another reader says otherwise',
  alone: 'one reader, no CT: not taken for truth',
  nothing: '',
} as const satisfies Record<Standing, string>;

/** CT, where it was measured, speaks before a second reader; an unnamed reader is never a second one. */
export function standingOf(view: Seen, verdict: ReaderVerdictRow): Standing {
  const { disc, answer, level, reader, via } = verdict;
  if (answer === null || disc === null) return 'nothing';
  // By another level's name, the CT's measurement is of another disc.
  const ct = level === null ? measurementBeside(view, disc) : null;
  if (ct?.label === 'calcified' || ct?.label === 'not-calcified')
    return ct.label === answer ? 'ct-agrees' : 'ct-differs';
  const others = newestOfEach(view.readerVerdicts).filter(
    (other) => other.disc === disc && other.answer !== null && other.reader !== reader,
  );
  if (reader === '' || others.length === 0) return 'alone';
  if (others.some((other) => other.answer !== answer)) return 'readers-differ';
  // An account of ours and a name in a document may be one person: only two of a kind are two readers.
  return others.some((other) => other.via === via) ? 'two-readers' : 'alone';
}

/** Of each named reader and disc the newest word; the rows come the newest first. */
function newestOfEach(verdicts: readonly ReaderVerdictRow[]): ReaderVerdictRow[] {
  const seen = new Map<string, ReaderVerdictRow>();
  for (const each of verdicts) {
    const key = `${each.reader}\\${each.disc}`;
    if (each.reader !== '' && !seen.has(key)) seen.set(key, each);
  }
  return [...seen.values()];
}

export interface ReaderDocument {
  /** Who, by which way, when, and of which revision. */
  readonly head: string;
  readonly lines: readonly string[];
}

/** What readers said, document by document, the newest first. */
export function readerDocuments(view: Seen): ReaderDocument[] {
  const documents = new Set(view.readerVerdicts.map(({ sopInstanceUid }) => sopInstanceUid));
  return [...documents].map((document) => {
    const verdicts = view.readerVerdicts.filter(({ sopInstanceUid }) => sopInstanceUid === document);
    const first = verdicts[0]!;
    const revision = view.reports.find(({ id }) => id === first.reportId)?.revision;
    return {
      head: `${readerName(first)}, ${moment(first.receivedAt)} UTC, of the report of revision ${revision ?? '–'}`,
      lines: verdicts.map((each) =>
        [verdictText(each), STANDING_WORDS[standingOf(view, each)]].filter(Boolean).join('; '),
      ),
    };
  });
}

/** The same as lines of text. */
export function readerLines(view: Seen): string[] {
  return readerDocuments(view).flatMap(({ head, lines }) => [
    `Said by ${head}`,
    ...lines.map((line) => `  ${line}`),
  ]);
}
