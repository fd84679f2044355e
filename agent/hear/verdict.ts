import type { Answer } from '../domain/answers.js';
import { LEVEL_TABLE, LEVELS, type Level } from '../domain/levels.js';
import type { ReaderBox, ReaderVerdict } from '../domain/readerVerdicts.js';
import { answerLine } from '../report/answerLine.js';
import { VALUE } from '../report/codes.js';
import { outline, trackingOf } from '../report/measurements.js';
import type { ReportDisc, ReportInput } from '../report/types.js';
import type { Correction, Measurement } from './correction.js';
import { meantBy } from './verdictWords.js';

type Stated = Extract<Answer, 'calcified' | 'not-calcified'>;

export interface DiscVerdict {
  readonly disc: Level | null;
  readonly verdict: ReaderVerdict;
  readonly answer: Stated | null;
  readonly level: Level | null;
  readonly box: ReaderBox | null;
  readonly words: string;
}

/** A box that came through a viewer's floats and back is the same box. */
const SAME_BOX_PX = 1;
/** Boxes of one disc by two hands share at least so much of both. */
const LEAST_OVERLAP = 0.3;

/**
 * What a reader's document makes of each disc of the report that it speaks of: pure, and the document's word alone.
 * @param replaces whether it names the report as its predecessor: then a box that is gone was taken away
 * @returns nothing for a document without a measurement of the report
 */
export function verdictsOf(input: ReportInput, correction: Correction, replaces: boolean): DiscVerdict[] {
  const found = new Map<Measurement, ReportDisc>();
  for (const [index, disc] of input.discs.entries()) {
    const free = correction.measurements.filter((each) => !found.has(each));
    const { uid } = trackingOf(input, disc, index);
    const own = free.find((each) => each.trackingUid === uid) ?? (replaces ? nearest(free, disc) : undefined);
    if (own) found.set(own, disc);
  }
  if (found.size === 0 && !replaces) return [];
  const gone = replaces ? input.discs.filter((disc) => ![...found.values()].includes(disc)) : [];
  const added = correction.measurements.filter((each) => !found.has(each) && each.box !== null);
  return [
    ...[...found].map(([said, disc]) => ofDisc(input, disc, said)),
    ...gone.map(takenAway),
    ...added.map(addedBox),
  ];
}

function nearest(measurements: readonly Measurement[], disc: ReportDisc): Measurement | undefined {
  const own = boxOf(disc);
  const overlaps = (each: Measurement) =>
    each.image === disc.image.sopInstanceUid && each.box ? shared(each.box, own) : 0;
  const [best] = measurements.toSorted((a, b) => overlaps(b) - overlaps(a));
  return best && overlaps(best) >= LEAST_OVERLAP ? best : undefined;
}

/** Intersection over union. */
function shared(a: ReaderBox, b: ReaderBox): number {
  const area = ([left, top, right, bottom]: ReaderBox) =>
    Math.max(0, right - left) * Math.max(0, bottom - top);
  const both = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  return both / (area(a) + area(b) - both || 1);
}

function boxOf({ roiPixel, imageSize }: ReportDisc): ReaderBox {
  const [[left, top], , [right, bottom]] = outline(roiPixel, imageSize) as [
    ImageCorner,
    unknown,
    ImageCorner,
  ];
  return [left, top, right, bottom];
}

type ImageCorner = readonly [column: number, row: number];

function ofDisc(input: ReportInput, disc: ReportDisc, said: Measurement): DiscVerdict {
  const ours = disc.answer && statedOf(disc.answer.answer);
  const isLeft = said.words === answerLine(input, disc);
  const answer = answerOf(said, ours, isLeft);
  const level = isLeft ? null : levelOf(said);
  const moved = said.box !== null && !isSameBox(said.box, boxOf(disc));
  return {
    disc: disc.level,
    // Where we state nothing there is nothing to confirm or to reject: the reader's answer stands by itself.
    verdict: answer === null || ours === null ? 'unclear' : answer === ours ? 'confirmed' : 'rejected',
    answer,
    level: level === disc.level && input.localisation.status === 'located' ? null : level,
    box: moved ? said.box : null,
    words: said.words,
  };
}

function statedOf(answer: Answer): Stated | null {
  return answer === 'calcified' || answer === 'not-calcified' ? answer : null;
}

function isSameBox(a: ReaderBox, b: ReaderBox): boolean {
  return a.every((edge, index) => Math.abs(edge - b[index]!) <= SAME_BOX_PX);
}

/** A code says more than words; words that were left as they were say what ours say. */
function answerOf(said: Measurement, ours: Stated | null, isLeft: boolean): Stated | null {
  if (said.resultCode === VALUE.present.value) return 'calcified';
  if (said.resultCode === VALUE.absent.value) return 'not-calcified';
  if (isLeft) return ours;
  const meant = meantBy(said.words);
  if (meant === 'agrees') return ours;
  if (meant === 'disagrees') return ours && (ours === 'calcified' ? 'not-calcified' : 'calcified');
  return meant ?? null;
}

const LEADING_LEVEL = /^\s*(L[1-5])\s*[-/]\s*([LS][1-5])\b/i;

/** The level that its words begin with, else of its finding: OHIF lets people write words alone. */
function levelOf({ words, findingCode }: Measurement): Level | null {
  const [, upper, lower] = LEADING_LEVEL.exec(words) ?? [];
  const written = `${upper}-${lower}`.toUpperCase();
  return LEVELS.find((level) => level === written) ?? byCode(findingCode);
}

function byCode(code: string): Level | null {
  return LEVELS.find((level) => LEVEL_TABLE[level].code.value === code) ?? null;
}

/** Of a disc that was not flagged it says nothing: who keeps what is flagged takes the others away. */
function takenAway(disc: ReportDisc): DiscVerdict {
  const isFlagged = disc.answer?.answer === 'calcified';
  const verdict = isFlagged ? 'rejected' : 'removed';
  return { disc: disc.level, verdict, answer: null, level: null, box: null, words: '' };
}

function addedBox(said: Measurement): DiscVerdict {
  const { box, words } = said;
  return {
    disc: null,
    verdict: 'added',
    answer: answerOf(said, null, false),
    level: levelOf(said),
    box,
    words,
  };
}
