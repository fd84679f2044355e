import type { DataSet } from './elements.js';

/** The elements that say when an image was taken, in the order of belief. */
export const DATE_SOURCES = [
  'AcquisitionDateTime',
  'AcquisitionDate',
  'SeriesDate',
  'StudyDate',
  'ContentDate',
] as const;

export type DateSource = (typeof DATE_SOURCES)[number];

export interface AcquisitionDate {
  /** YYYY-MM-DD; null when no element has a date that can be believed. */
  readonly acquisitionDate: string | null;
  readonly acquisitionDateSource: DateSource | null;
  /** Dates that were not believed, and dates that contradict each other, in words. */
  readonly dateDoubts: readonly string[];
}

/** The first CT of a patient was of October 1971: what is older is a clock that was never set. */
const FIRST_SCAN = '1971-10-01';
/** Where clocks begin that have lost their battery. */
const CLOCKS_BEGIN: readonly string[] = ['1980-01-01', '1990-01-01', '2000-01-01'];
/** Time zones: a day that has not begun here has begun elsewhere. */
const AHEAD_DAYS = 1;
/** A scan over midnight, a study registered the day before. */
const APART_DAYS = 1;
const DAY_MS = 86_400_000;

/**
 * When an image was taken. A date before the patient's birth or in the future is none, nor is one where clocks begin
 * while another element says otherwise: the next element is asked.
 * @param birthDate and today YYYY-MM-DD
 */
export function acquisitionDateOf(
  dataSet: DataSet,
  birthDate: string | null,
  today: string,
): AcquisitionDate {
  const dates = DATE_SOURCES.map((source) => ({ source, date: isoDate(dataSet.string(source)) }));
  // A birth date behind every date of the study is itself the mistake.
  const isBorn = dates.some(({ date }) => date !== null && birthDate !== null && birthDate <= date);
  const said = dates.flatMap(({ source, date }) =>
    date === null ? [] : [{ source, date, wrong: whyNone(date, isBorn ? birthDate : null, today) }],
  );
  const possible = said.filter(({ wrong }) => wrong === null);
  const set = possible.filter(({ date }) => !CLOCKS_BEGIN.includes(date));
  const taken = set[0] ?? possible[0] ?? null;
  const doubts = said
    .filter(({ wrong, date }) => wrong !== null || (taken?.date !== date && CLOCKS_BEGIN.includes(date)))
    .map(({ source, date, wrong }) => `${source} ${date} ${wrong ?? 'is where clocks begin'}: not believed`);
  return {
    acquisitionDate: taken?.date ?? null,
    acquisitionDateSource: taken?.source ?? null,
    dateDoubts: taken ? [...doubts, ...contradictions(taken, set)] : doubts,
  };
}

function whyNone(date: string, birthDate: string | null, today: string): string | null {
  if (birthDate !== null && date < birthDate) return "lies before the patient's birth";
  if (date < FIRST_SCAN) return 'lies before there were scanners';
  return daysFrom(today, date) > AHEAD_DAYS ? 'lies in the future' : null;
}

interface Said {
  readonly source: DateSource;
  readonly date: string;
}

/** ContentDate is when the pixels were made: often, and rightly, later than the scan (PS3.3 C.7.6.1). */
function contradictions(taken: Said, others: readonly Said[]): string[] {
  return others
    .filter(({ source }) => source !== 'ContentDate')
    .filter(({ date }) => Math.abs(daysFrom(taken.date, date)) > APART_DAYS)
    .map(
      ({ source, date }) =>
        `dates contradict each other: ${taken.source} ${taken.date}, ${source} ${date}; the first is taken`,
    );
}

function daysFrom(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / DAY_MS;
}

export function todayIso(): string {
  return new Date().toISOString().slice(0, 10);
}

/** DA, the old ACR-NEMA 2024.01.31, or the head of a DT, as an ISO date; null unless the calendar has that day. */
export function isoDate(text: string | null): string | null {
  const parts = /^(\d{4})([.-]?)(\d{2})\2(\d{2})/.exec(text ?? '');
  if (!parts) return null;
  const iso = `${parts[1]}-${parts[3]}-${parts[4]}`;
  const day = new Date(`${iso}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(iso) ? iso : null;
}

/** PS3.5 AS: 063Y, 018M, 003W, 010D. */
const PER_YEAR = { Y: 1, M: 12, W: 52.18, D: 365.25 } as const;

interface AgeTags {
  readonly patientAge: string | null;
  readonly patientBirthDate?: string | null;
  readonly acquisitionDate?: string | null;
}

/** How old the patient was: PatientAge, else from birth to acquisition; years, null when neither is known. */
export function ageYears({ patientAge, patientBirthDate, acquisitionDate }: AgeTags): number | null {
  const parts = /^(\d{3})([YMWD])$/.exec(patientAge ?? '');
  if (parts) return Number(parts[1]) / PER_YEAR[parts[2] as keyof typeof PER_YEAR];
  if (!patientBirthDate || !acquisitionDate || acquisitionDate < patientBirthDate) return null;
  // By the calendar: on the eighteenth birthday one is eighteen.
  const years = Number(acquisitionDate.slice(0, 4)) - Number(patientBirthDate.slice(0, 4));
  return acquisitionDate.slice(5) < patientBirthDate.slice(5) ? years - 1 : years;
}
