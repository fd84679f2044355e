import { hearReport } from '../../agent/hear/written/hearReport.js';
import type { InventedEvent } from '../../db/tables/inventedTrail.js';
import { type Chance, openChance } from './chance.js';
import { answerOf } from './discRows.js';
import { namesOf } from './rows.js';
import type { Row, RowContext, StudyNames } from './rowTypes.js';
import type { SeededDisc, SeededStudy } from './studies.js';

/** What people made of these studies: written reports, verdicts, and the trail of looks and of verdicts. */
export interface PeopleRows {
  readonly written_report: readonly Row[];
  readonly written_report_disc: readonly Row[];
  readonly reader_verdict: readonly Row[];
  readonly trail: readonly InventedEvent[];
}

/** Accounts by site: who signs there, then who only looks in. */
const READERS: Readonly<Record<string, readonly [string, string]>> = {
  Nordklinikum: ['lindqvist', 'sommer'],
  'Hospital do Sul': ['ferreira', 'prado'],
  "Centre de l'Est": ['moreau', 'sommer'],
};

/** Shares of studies with a result, or of those that are opened; minutes are medians of log-normal times. */
const HABITS = {
  written: 0.86,
  preliminary: 0.02,
  /** Of those written. */
  noTime: 0.03,
  signedFirst: 0.04,
  signMinutes: 110,
  opened: 0.72,
  openMinutes: 38,
  second: 0.12,
  judged: 0.35,
  moved: 0.03,
  /** Of discs that are calcified, and of those that are not, how often the report says so. */
  mentions: 0.7,
  denies: 0.2,
} as const;
const MINUTE_MS = 60_000;

interface Habit {
  readonly context: RowContext;
  readonly study: SeededStudy;
  readonly names: StudyNames;
  readonly chance: Chance;
  readonly resultAt: number;
  readonly reader: string;
}

/** The same seed, the same people; a stream of chance of its own, so that studies are as they would be without. */
export function peopleOf(context: RowContext, studies: readonly SeededStudy[]): PeopleRows {
  const made = {
    written_report: [] as Row[],
    written_report_disc: [] as Row[],
    reader_verdict: [] as Row[],
    trail: [] as InventedEvent[],
  };
  for (const study of studies) {
    if (study.end !== 'delivered') continue;
    const names = namesOf(context, study);
    const chance = openChance(0x9e37 + study.number);
    const resultAt = names.createdAt.getTime() + study.secondsToReport * 1000;
    const [reader, second] = READERS[study.scanner.site]!;
    const habit: Habit = { context, study, names, chance, resultAt, reader };
    if (chance.share() < HABITS.written) addWritten(made, habit);
    if (chance.share() >= HABITS.opened) continue;
    const openedAt = resultAt + minutesAbout(chance, HABITS.openMinutes);
    made.trail.push(look(names, reader, openedAt));
    if (chance.share() < HABITS.second)
      made.trail.push(look(names, second, openedAt + minutesAbout(chance, HABITS.openMinutes)));
    if (chance.share() < HABITS.judged) addVerdict(made, habit, openedAt + 2 * MINUTE_MS);
  }
  return made;
}

function minutesAbout(chance: Chance, median: number): number {
  return Math.round(median * Math.exp(chance.normal(0, 1)) * MINUTE_MS);
}

interface Made {
  readonly written_report: Row[];
  readonly written_report_disc: Row[];
  readonly reader_verdict: Row[];
  readonly trail: InventedEvent[];
}

function addWritten(made: Made, { context, study, names, chance, resultAt, reader }: Habit): void {
  const { ids } = context;
  const id = ids.uuid('written', study.number);
  const isFirst = chance.share() < HABITS.signedFirst;
  const minutes = minutesAbout(chance, isFirst ? 4 : HABITS.signMinutes);
  const hasTime = chance.share() >= HABITS.noTime;
  const signedAt = new Date(isFirst ? resultAt - minutes : resultAt + minutes);
  const body = study.discs.flatMap((disc) => lineOf(chance, disc)).join('\n') || 'No abnormality.';
  made.written_report.push({
    id,
    source: hasTime ? 'hl7' : 'csv',
    controlId: `SEED${study.number}`,
    sender: hasTime ? 'RIS' : '',
    accessionNumber: names.accessionNumber,
    studyInstanceUid: names.study,
    patientId: names.patientId,
    status: chance.share() < HABITS.preliminary ? 'P' : 'F',
    signedBy: reader,
    signedAt: hasTime ? signedAt : null,
    language: 'en',
    body,
    message: body,
    messageSha256: `seeded ${id}`,
    receivedAt: new Date(signedAt.getTime() + MINUTE_MS),
    matchedStudy: names.study,
  });
  for (const { level, heard, sentence } of hearReport(body, 'en').discs)
    made.written_report_disc.push({ reportId: id, level, heard, sentence });
}

function lineOf(chance: Chance, { level, isCalcified }: SeededDisc): string[] {
  if (chance.share() >= (isCalcified ? HABITS.mentions : HABITS.denies)) return [];
  return [isCalcified ? `${level}: calcified disc herniation.` : `${level}: no calcification of the disc.`];
}

/** One disc of a result is judged: a flagged one, where there is one. */
function addVerdict(made: Made, { context, study, names, chance, reader }: Habit, at: number): void {
  const { ids, models } = context;
  const answers = study.discs.map((disc) => ({ disc, ...answerOf(disc, 0, models[0]!) }));
  const judged = answers.find(({ answer }) => answer === 'calcified') ?? answers.at(-1)!;
  const { level, isCalcified } = judged.disc;
  const answer = isCalcified ? 'calcified' : 'not-calcified';
  const isStated = judged.answer === 'calcified' || judged.answer === 'not-calcified';
  const verdict = !isStated ? 'unclear' : judged.answer === answer ? 'confirmed' : 'rejected';
  const isMoved = verdict === 'confirmed' && level === 'L4-L5' && chance.share() < HABITS.moved * 5;
  const uid = ids.uid('verdict', study.number);
  made.reader_verdict.push({
    id: ids.uuid('verdict', study.number),
    caseId: names.caseId,
    reportId: ids.uuid('report', study.number),
    via: 'page',
    sopInstanceUid: uid,
    datasetSha256: `seeded ${uid}`,
    disc: level,
    verdict,
    answer,
    level: isMoved ? 'L3-L4' : null,
    words: '',
    reader,
    callingAe: '',
    receivedAt: new Date(at),
  });
  made.trail.push({
    event: 'READER_JUDGED',
    subjectType: 'case',
    subjectId: names.caseId,
    actor: `user:${reader}`,
    detail: { revision: 1, disc: level, verdict, answer, seeded: true },
    at: new Date(at),
  });
}

function look(names: StudyNames, reader: string, at: number): InventedEvent {
  return {
    event: 'CASE_VIEWED',
    subjectType: 'case',
    subjectId: names.caseId,
    actor: `user:${reader}`,
    detail: { revision: 1, what: 'page', seeded: true },
    at: new Date(at),
  };
}
