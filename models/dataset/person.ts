/** What may be said of a person in research data: age, sex, body-mass index, and dates moved as one. */
const DAY_MS = 86_400_000;
/** HIPAA Safe Harbor, 45 CFR 164.514(b)(2)(i)(C): ages over 89 are one group. */
const OLDEST_NAMED = 89;
export const OLDEST_GROUP = '90+';
const PLAUSIBLE = { ageYears: [0, 130], sizeM: [0.5, 2.5], weightKg: [2, 500] } as const;

/** Completed years on that day, '90+' above 89, '' where it is not known. Dates are 'YYYY-MM-DD'. */
export function ageText(birthDate: string | null, onDate: string | null, patientAge: string | null): string {
  const years = birthDate && onDate ? yearsBetween(birthDate, onDate) : yearsOfAs(patientAge);
  if (years === null || !isPlausible('ageYears', years)) return '';
  return years > OLDEST_NAMED ? OLDEST_GROUP : String(years);
}

function yearsBetween(birthDate: string, onDate: string): number {
  const years = Number(onDate.slice(0, 4)) - Number(birthDate.slice(0, 4));
  return onDate.slice(5) < birthDate.slice(5) ? years - 1 : years;
}

/** AS (PS3.5 6.2): nnnD, nnnW, nnnM, nnnY. */
function yearsOfAs(age: string | null): number | null {
  const [, count, unit] = /^(\d{3})([DWMY])$/.exec(age ?? '') ?? [];
  if (!count || !unit) return null;
  const perYear = { D: 365.25, W: 52.18, M: 12, Y: 1 }[unit]!;
  return Math.floor(Number(count) / perYear);
}

/** Kilograms by square metre with one decimal, '' where size or weight is missing or no person's. */
export function bmiText(sizeM: number | null, weightKg: number | null): string {
  if (sizeM === null || weightKg === null) return '';
  if (!isPlausible('sizeM', sizeM) || !isPlausible('weightKg', weightKg)) return '';
  return (weightKg / sizeM ** 2).toFixed(1);
}

/** PatientSex (PS3.3 C.7.1.1): F, M, O; '' for anything else. */
export function sexText(sex: string): string {
  return ['F', 'M', 'O'].includes(sex.toUpperCase()) ? sex.toUpperCase() : '';
}

/** 'YYYY-MM-DD' so many days earlier; '' for no date. */
export function shiftedDate(date: string | null, daysEarlier: number): string {
  if (date === null) return '';
  return new Date(Date.parse(`${date}T00:00:00Z`) - daysEarlier * DAY_MS).toISOString().slice(0, 10);
}

function isPlausible(what: keyof typeof PLAUSIBLE, value: number): boolean {
  const [low, high] = PLAUSIBLE[what];
  return value >= low && value <= high;
}
