import { CalcidiscError } from '../domain/errors.js';

/** What a value representation holds (PS3.5 6.2, table 6.2-1), in characters. dcmjs checks none of it for good. */
const TEXT_LIMITS = { CS: 16, SH: 16, LO: 64 } as const;

// No text value may hold control characters but TAB, LF, FF and CR (PS3.5 6.1.3).
const CONTROLS = /[^\P{Cc}\t\n\f\r]/gu;

/**
 * A number as DS: at most 16 characters of plain or exponential decimal, the closest that fits (PS3.5 6.2).
 * @throws CalcidiscError REPORT_INVALID for NaN and infinities: a missing value is a missing item, not a number
 */
export function formatDs(value: number): string {
  if (!Number.isFinite(value)) throw invalid(`${value} cannot be written as a decimal string`);
  if (value === 0) return '0';
  for (let digits = 17; digits > 0; digits--) {
    const rounded = Number(value.toPrecision(digits));
    const text = shortest(rounded);
    // Rounding up the largest numbers of all leaves the range: fewer digits round down again.
    if (text.length <= 16 && Number.isFinite(rounded)) return text;
  }
  throw invalid(`${value} does not fit a decimal string`);
}

function shortest(value: number): string {
  const plain = String(value);
  const exponential = value.toExponential();
  return (plain.length <= exponential.length ? plain : exponential).replace('e+', 'e');
}

/** YYYYMMDD of a calendar date written either way; '' for null or what is no date, as type 2 elements want it. */
export function formatDa(date: string | null): string {
  const [, year, month, day] = /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(date ?? '') ?? [];
  if (!year) return '';
  const time = Date.UTC(Number(year), Number(month) - 1, Number(day));
  const same = new Date(time).toISOString().slice(0, 10) === `${year}-${month}-${day}`;
  return same ? `${year}${month}${day}` : '';
}

/** The time as it came when it is a TM, else ''. */
export function formatTm(time: string): string {
  return /^([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?$/.test(time) ? time : '';
}

/** Date and time of an instant on a clock that stands `utcOffsetMinutes` from UTC. */
export function localDateTime(instant: Date, utcOffsetMinutes: number): { da: string; tm: string } {
  if (Number.isNaN(instant.getTime())) throw invalid('the time of the report is not a time');
  const iso = new Date(instant.getTime() + utcOffsetMinutes * 60_000).toISOString();
  return { da: iso.slice(0, 10).replaceAll('-', ''), tm: iso.slice(11, 23).replaceAll(':', '') };
}

/** How a clock's distance from UTC is written: +0100. */
export function utcOffset(minutes: number): string {
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${minutes < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}${String(rest).padStart(2, '0')}`;
}

/** The clock the report is written by. */
export function offsetOf(input: { readonly createdAt: Date; readonly utcOffsetMinutes?: number }): number {
  return input.utcOffsetMinutes ?? -input.createdAt.getTimezoneOffset();
}

/**
 * One value of CS, SH or LO.
 * @throws CalcidiscError REPORT_INVALID when it is too long or holds a backslash or control character
 */
export function shortText(vr: keyof typeof TEXT_LIMITS, value: string): string {
  const trimmed = value.trim();
  if ([...trimmed].length > TEXT_LIMITS[vr])
    throw invalid(`${vr} holds ${TEXT_LIMITS[vr]} characters: ${trimmed}`);
  if (trimmed.includes('\\') || trimmed.search(CONTROLS) >= 0 || /[\t\n\f\r]/.test(trimmed))
    throw invalid(`${vr} holds no backslash and no control character: ${JSON.stringify(trimmed)}`);
  if (vr === 'CS' && !/^[A-Z0-9 _]*$/.test(trimmed))
    throw invalid(`not a code string: ${JSON.stringify(trimmed)}`);
  return trimmed;
}

/** Text of a TEXT item (UT): control characters taken out. @throws CalcidiscError REPORT_INVALID when none is left */
export function longText(value: string): string {
  const clean = value.replace(CONTROLS, '').trim();
  if (clean === '') throw invalid('a text item without text');
  return clean;
}

/** @returns the error every part of the builder throws: the report could not be built from the case */
export function invalid(message: string): CalcidiscError {
  return new CalcidiscError('REPORT_INVALID', message);
}
