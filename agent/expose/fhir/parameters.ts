import { FhirProblem } from './outcome.js';

/** What the interface serves, and by which elements each is searched (R4 search parameters of the same names). */
export const SERVED = {
  DiagnosticReport: ['identifier', 'date', 'issued', 'status', 'code'],
  Observation: ['identifier', 'date', 'status', 'code', 'value-concept'],
  ImagingStudy: ['identifier', 'started', 'status', 'modality'],
  Task: ['identifier', 'status'],
  Device: ['identifier'],
} as const satisfies Record<string, readonly string[]>;

export type ServedType = keyof typeof SERVED;

/** What each search parameter is compared with; `path` is the element. */
export const PARAMETERS = {
  _id: { type: 'token', path: 'id' },
  _lastUpdated: { type: 'date', path: 'meta.lastUpdated' },
  identifier: { type: 'token', path: 'identifier' },
  status: { type: 'token', path: 'status' },
  code: { type: 'token', path: 'code' },
  'value-concept': { type: 'token', path: 'valueCodeableConcept' },
  modality: { type: 'token', path: 'modality' },
  date: { type: 'date', path: 'effectiveDateTime' },
  issued: { type: 'date', path: 'issued' },
  started: { type: 'date', path: 'started' },
} as const;

type ParameterName = keyof typeof PARAMETERS;

/** The subject is an identifier and no reference (there is no Patient here): the ways to write that it is asked for. */
export const PATIENT_PARAMETERS = [
  'patient.identifier',
  'subject.identifier',
  'patient:identifier',
  'subject:identifier',
] as const;

/** Of the case that the resource tells of, ours and not R4's: its Study Instance UID (MR or CT), its accession number. */
export const CASE_PARAMETERS = ['study', 'accession'] as const;

export interface Token {
  /** null: whatever it is; '': none. */
  readonly system: string | null;
  readonly value: string;
}

export interface DateRange {
  readonly prefix: DatePrefix;
  /** Milliseconds since the epoch, the second not included. */
  readonly from: number;
  readonly to: number;
}

const PREFIXES = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'sa', 'eb'] as const;
type DatePrefix = (typeof PREFIXES)[number];

/** One parameter: any of its values will do. */
export type Criterion =
  | { readonly type: 'token'; readonly name: string; readonly path: string; readonly any: readonly Token[] }
  | {
      readonly type: 'date';
      readonly name: string;
      readonly path: string;
      readonly any: readonly DateRange[];
    };

export interface SearchRequest {
  readonly type: ServedType;
  /** All of them have to hold. */
  readonly criteria: readonly Criterion[];
  readonly patients: readonly (readonly Token[])[];
  readonly studies: readonly (readonly string[])[];
  readonly accessions: readonly (readonly string[])[];
  readonly count: number;
  /** From the `next` link of the page before. */
  readonly after: string | null;
}

export const DEFAULT_COUNT = 20;
export const MOST_COUNT = 100;

/** @throws FhirProblem saying which parameter is not known, or cannot be read */
export function parseSearch(type: ServedType, query: URLSearchParams): SearchRequest {
  const criteria: Criterion[] = [];
  const patients: Token[][] = [];
  const studies: string[][] = [];
  const accessions: string[][] = [];
  let count = DEFAULT_COUNT;
  let after: string | null = null;
  for (const [name, text] of query) {
    // An empty one was not asked (R4 3.1.1.1).
    if (text === '') continue;
    if (name === '_format') requireJson(text);
    else if (name === '_count') count = countOf(text);
    else if (name === '_after') after = placeOf(text);
    else if (isOneOf(PATIENT_PARAMETERS, name) && type !== 'Device') patients.push(tokensOf(text));
    else if (name === 'study' && type !== 'Device') studies.push(tokensOf(text).map(uidIn));
    else if (name === 'accession' && type !== 'Device')
      accessions.push(tokensOf(text).map(({ value }) => value));
    else criteria.push(criterionOf(type, name, text));
  }
  return { type, criteria, patients, studies, accessions, count, after };
}

function criterionOf(type: ServedType, name: string, text: string): Criterion {
  const known: readonly string[] = ['_id', '_lastUpdated', ...SERVED[type]];
  if (!known.includes(name)) {
    const others = type === 'Device' ? [] : [...PATIENT_PARAMETERS, ...CASE_PARAMETERS];
    const all = [...known, ...others, '_count', '_format'].join(', ');
    throw new FhirProblem(400, 'not-supported', `${type} is not searched by ${name}; it is by ${all}`);
  }
  const parameter = PARAMETERS[name as ParameterName];
  const { path } = parameter;
  return parameter.type === 'token'
    ? { type: 'token', name, path, any: tokensOf(text) }
    : { type: 'date', name, path, any: partsOf(text, ',').map((part) => rangeOf(name, part)) };
}

/** R4 3.1.1.4.10: `value` of any system, `|value` of none, `system|value`, `system|` any of it. */
function tokensOf(text: string): Token[] {
  return partsOf(text, ',').map((part) => {
    const [first = '', second] = partsOf(part, '|');
    return second === undefined
      ? { system: null, value: unescaped(first) }
      : { system: unescaped(first), value: unescaped(second) };
  });
}

/** R4 3.1.1.4.11: a year, a month, a day or a moment, which is a range as long as it is exact. */
function rangeOf(name: string, text: string): DateRange {
  const [, prefix = 'eq', written = ''] = /^([a-z]{2})?(.*)$/s.exec(text) ?? [];
  const range = isOneOf(PREFIXES, prefix) ? rangeOfDate(written) : null;
  if (range) return { prefix: prefix as DatePrefix, ...range };
  throw new FhirProblem(
    400,
    'value',
    `${name}: a date is YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss][Z or +hh:mm], behind one of ${PREFIXES.join(', ')}`,
  );
}

const DATE =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/;

/** What names no zone is of ours. @returns null for what is no date */
export function rangeOfDate(text: string): { readonly from: number; readonly to: number } | null {
  const [, year, month, day, hour, minute, second, fraction, zone] = DATE.exec(text) ?? [];
  if (year === undefined || !isCalendarDate(Number(year), Number(month ?? 1), Number(day ?? 1))) return null;
  const [y, m] = [Number(year), Number(month ?? 1) - 1];
  if (hour === undefined) {
    const d = Number(day ?? 1);
    const end =
      day !== undefined
        ? new Date(y, m, d + 1)
        : month !== undefined
          ? new Date(y, m + 1, 1)
          : new Date(y + 1, 0, 1);
    return { from: new Date(y, m, d).getTime(), to: end.getTime() };
  }
  const digits = (fraction ?? '').slice(0, 3);
  const moment = `${year}-${month}-${day}T${hour}:${minute}:${second ?? '00'}.${digits.padEnd(3, '0')}`;
  const from = Date.parse(`${moment}${zone ?? ''}`);
  if (Number.isNaN(from)) return null;
  const lasts = second === undefined ? 60_000 : 10 ** (3 - digits.length);
  return { from, to: from + lasts };
}

function isCalendarDate(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** A reference to a study here, a UID, or urn:oid: and a UID. */
function uidIn({ value }: Token): string {
  return value.replace(/^(urn:oid:|(.*\/)?ImagingStudy\/)/, '');
}

/** Parts between unescaped separators (R4 3.1.1.4.8). */
function partsOf(text: string, separator: ',' | '|'): string[] {
  const parts = [''];
  for (const [piece] of text.matchAll(/\\.|[^\\]|\\$/gs))
    if (piece === separator) parts.push('');
    else parts[parts.length - 1] += piece;
  return parts;
}

function unescaped(text: string): string {
  return text.replace(/\\([,|$\\])/g, '$1');
}

function countOf(text: string): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0)
    throw new FhirProblem(400, 'value', '_count is a whole number of 1 or more');
  return Math.min(Number(text), MOST_COUNT);
}

function placeOf(text: string): string {
  if (/^(\d{1,15}~[0-9a-f-]{36})?~\d{1,3}$/.test(text)) return text;
  throw new FhirProblem(400, 'value', '_after is taken from the link “next” of a page before');
}

const JSON_FORMATS = ['json', 'application/json', 'application/fhir+json', 'text/json'];

/** @throws FhirProblem 406 */
export function requireJson(format: string): void {
  // A plus in an address that was not written as %2B is a space.
  if (JSON_FORMATS.includes(format.replace(' ', '+').split(';')[0]!.trim().toLowerCase())) return;
  throw new FhirProblem(406, 'not-supported', `only JSON is spoken here, and not ${format.slice(0, 80)}`);
}

function isOneOf<T extends string>(all: readonly T[], text: string): text is T {
  return (all as readonly string[]).includes(text);
}
