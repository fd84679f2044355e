import type { PriorFetchRow, WantedModality } from '../../db/tables/priorFetches.js';
import type { SeriesMatch, StudyMatch } from './matches.js';

const DAY_MS = 86_400_000;
/** A study's date may be the day before its acquisition's, or after: pairing goes by the acquisition. */
const STUDY_DATE_SLACK_DAYS = 1;

/** @param isoDate YYYY-MM-DD, and so the answer */
export function addDays(isoDate: string, days: number): string {
  return new Date(Date.parse(`${isoDate}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** Calendar days between two ISO dates, whichever is first. */
export function daysBetween(a: string, b: string): number {
  return Math.round(Math.abs(Date.parse(a) - Date.parse(b)) / DAY_MS);
}

/** The study dates to ask for. */
export function datesAround(
  anchorDate: string,
  windowDays: number,
): Pick<PriorFetchRow, 'dateFrom' | 'dateTo'> {
  const days = windowDays + STUDY_DATE_SLACK_DAYS;
  return { dateFrom: addDays(anchorDate, -days), dateTo: addDays(anchorDate, days) };
}

export type Wanted = Pick<
  PriorFetchRow,
  'patientId' | 'issuerOfPatientId' | 'wantedModality' | 'anchorDate' | 'dateFrom' | 'dateTo'
>;

export interface ChosenStudies {
  readonly studies: readonly StudyMatch[];
  /** In the window too, but farther away than the most that are fetched. */
  readonly leftOut: number;
}

/**
 * The nearest studies of the patient. What the source answers is looked at again: matching of modalities is optional
 * (PS3.4 C.2.2.2), an id with * or ? is a pattern to it, and many know nothing of issuers. Name and birth date are
 * looked at when the images are here, so that a CT that is held back can be shown with its reason.
 */
export function chooseStudies(
  wanted: Wanted,
  found: readonly StudyMatch[],
  maxStudies: number,
): ChosenStudies {
  const fitting = found
    .filter((study) => isOfPatient(wanted, study) && mayHold(wanted.wantedModality, study))
    .filter(({ studyDate }) => studyDate === null || isBetween(studyDate, wanted))
    .toSorted((a, b) => daysApart(a, wanted) - daysApart(b, wanted) || compare(a, b));
  return { studies: fitting.slice(0, maxStudies), leftOut: Math.max(0, fitting.length - maxStudies) };
}

/** A series' own date is nearer to its acquisition than its study's. */
export function isSeriesInWindow(wanted: Wanted, { modality, seriesDate }: SeriesMatch): boolean {
  const isModality = modality === '' || modality === wanted.wantedModality;
  return isModality && (seriesDate === null || isBetween(seriesDate, wanted));
}

function isOfPatient(wanted: Wanted, { patientId, issuerOfPatientId }: StudyMatch): boolean {
  const [ours, theirs] = [wanted.issuerOfPatientId, issuerOfPatientId];
  return patientId === wanted.patientId && (ours === '' || theirs === '' || ours === theirs);
}

function mayHold(modality: WantedModality, { modalities }: StudyMatch): boolean {
  return modalities.length === 0 || modalities.includes(modality);
}

function isBetween(date: string, { dateFrom, dateTo }: Wanted): boolean {
  return dateFrom <= date && date <= dateTo;
}

function daysApart({ studyDate }: StudyMatch, { anchorDate }: Wanted): number {
  return studyDate === null ? Number.MAX_SAFE_INTEGER : daysBetween(studyDate, anchorDate);
}

function compare(a: StudyMatch, b: StudyMatch): number {
  return a.studyInstanceUid < b.studyInstanceUid ? -1 : 1;
}
