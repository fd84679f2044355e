import type { Code } from '../domain/code.js';
import { CALCIFICATION } from '../domain/findings.js';
import { sha256 } from '../domain/hash.js';
import { CONCEPT, UNIT, VALUE } from './codes.js';
import { conclusion, recommendation, remarks } from './evaluations.js';
import { type LevelFinding, levelFindings } from './findings.js';
import { MANUFACTURER, reportUids } from './modules.js';
import type { ReportInput } from './types.js';
import { formatDa, formatTm, localDateTime, offsetOf, utcOffset } from './values.js';

/** HL7 table 0085, observation result status: preliminary, corrects an earlier one, withdraws it as wrong. */
export type ResultStatus = 'P' | 'C' | 'W';

export interface Hl7Parties {
  /** MSH-3 to MSH-6. */
  readonly sendingApplication: string;
  readonly sendingFacility: string;
  readonly receivingApplication: string;
  readonly receivingFacility: string;
  /** MSH-11: production, training, debugging. */
  readonly processing: 'P' | 'T' | 'D';
}

/**
 * HL7 v2.5.1 ORU^R01 with a flag per level, for a worklist that reads no SR. The same report and status give the
 * same message and control id, so that a receiver can tell a repetition.
 * @param status by default P, or C for a report that amends another; W withdraws every observation
 * @returns segments ended by carriage return, text as UTF-8
 */
export function buildOru(
  input: ReportInput,
  parties: Hl7Parties,
  status: ResultStatus = input.predecessor === null ? 'P' : 'C',
): string {
  const now = timestamp(input);
  const next = recommendation(input);
  const notes = [conclusion(input), ...(next ? [next.reason] : []), ...remarks(input)];
  const segments = [
    header(input, parties, status, now),
    patient(input),
    order(input, status, now),
    ...notes.map((note, index) => ['NTE', String(index + 1), 'L', escapeText(note)]),
    ...observations(input, status, now),
  ];
  return `${segments.map(trimmed).join('\r')}\r`;
}

type Segment = readonly string[];

function header(input: ReportInput, parties: Hl7Parties, status: ResultStatus, now: string): Segment {
  const { sendingApplication, sendingFacility, receivingApplication, receivingFacility, processing } =
    parties;
  const names = [sendingApplication, sendingFacility, receivingApplication, receivingFacility].map(
    escapeText,
  );
  const controlId = sha256(`${reportUids(input).sopInstanceUid} ${status}`).slice(0, 20);
  const type = 'ORU^R01^ORU_R01';
  // MSH-1 is the separator itself; MSH-18 says how the text is written.
  return [
    'MSH',
    '^~\\&',
    ...names,
    now,
    '',
    type,
    controlId,
    processing,
    '2.5.1',
    ...Array(5).fill(''),
    'UNICODE UTF-8',
  ];
}

function patient({ patient }: ReportInput): Segment {
  const { id, issuerOfPatientId, name, birthDate, sex } = patient;
  const identifier = components(id, '', '', issuerOfPatientId, 'MR');
  return ['PID', '1', '', identifier, '', names(name), '', formatDa(birthDate), sex];
}

/** XPN-8 of the three groups of a DICOM name: alphabetic, ideographic, phonetic. */
const REPRESENTATIONS = ['A', 'I', 'P'] as const;

/** DICOM's Family^Given^Middle^Prefix^Suffix as XPN, where the suffix comes before the prefix. */
function names(name: string): string {
  return name
    .split('=')
    .slice(0, 3)
    .map((group, index) => ({ parts: group.split('^'), representation: REPRESENTATIONS[index]! }))
    .filter(({ parts }) => parts.some((part) => part !== ''))
    .map(({ parts: [family = '', given = '', middle = '', prefix = '', suffix = ''], representation }) =>
      components(family, given, middle, suffix, prefix, '', 'L', representation),
    )
    .join('~');
}

/** HL7 table 0123 of the whole result. */
const ORDER_STATUS = { P: 'P', C: 'C', W: 'C' } as const satisfies Record<ResultStatus, string>;

function order({ study }: ReportInput, status: ResultStatus, now: string): Segment {
  const accession = escapeText(study.accessionNumber);
  const taken = `${formatDa(study.date)}${formatDa(study.date) && formatTm(study.time).split('.')[0]}`;
  const fields: Record<number, string> = {
    1: '1',
    3: accession,
    4: coded(VALUE.mriProcedure),
    7: taken,
    // The number the report is found by in worklists.
    18: accession,
    22: now,
    24: 'RAD',
    25: ORDER_STATUS[status],
  };
  return ['OBR', ...Array.from({ length: 25 }, (_, index) => fields[index + 1] ?? '')];
}

const DICOM_STUDY: Code = { value: '113014', scheme: 'DCM', meaning: 'DICOM Study' };

function observations(input: ReportInput, status: ResultStatus, now: string): Segment[] {
  const common = { status, at: now, method: methodOf(input), device: deviceOf(input) };
  const study = components('', input.study.studyInstanceUid, 'ISO');
  const all: Observation[] = [
    { ...common, type: 'HD', what: DICOM_STUDY, of: '', value: study },
    ...levelFindings(input).flatMap((finding) => levelObservations(finding, common)),
  ];
  return all.map((one, index) => observation(one, index + 1));
}

type Common = Pick<Observation, 'status' | 'at' | 'method' | 'device'>;

function levelObservations(
  { level, result, probability, unstated }: LevelFinding,
  common: Common,
): Observation[] {
  const abnormal = ABNORMAL[result.value] ?? '';
  const flag = {
    ...common,
    type: 'CWE',
    what: CALCIFICATION.code,
    of: level,
    value: coded(result),
    abnormal,
  } as const;
  const why =
    unstated === null ? [] : [{ ...flag, type: 'ST' as const, value: escapeText(unstated), abnormal: '' }];
  if (probability === null) return [flag, ...why];
  const value = String(Number((probability * 100).toPrecision(7)));
  return [
    flag,
    ...why,
    { ...common, type: 'NM', what: CONCEPT.certainty, of: level, value, unit: coded(UNIT.percent) },
  ];
}

/** HL7 table 0078; what is not stated is neither. */
const ABNORMAL: Readonly<Record<string, string>> = {
  [VALUE.present.value]: 'A',
  [VALUE.absent.value]: 'N',
  [VALUE.indeterminate.value]: '',
  [VALUE.notAssessable.value]: '',
};

interface Observation {
  readonly type: 'HD' | 'CWE' | 'NM' | 'ST';
  readonly what: Code;
  /** OBX-4: the level. */
  readonly of: string;
  readonly value: string;
  readonly unit?: string;
  readonly abnormal?: string;
  readonly status: ResultStatus;
  readonly at: string;
  readonly method: string;
  readonly device: string;
}

function observation(one: Observation, setId: number): Segment {
  const { type, what, of, value, unit = '', abnormal = '', status, at, method, device } = one;
  const upTo11 = [String(setId), type, coded(what), of, value, unit, '', abnormal, '', '', status];
  return ['OBX', ...upTo11, '', '', at, '', '', method, device];
}

function methodOf({ classifier }: ReportInput): string {
  if (classifier === null) return '';
  return components(classifier.name, `${classifier.name} ${classifier.version}`, 'L');
}

/** EI: which installation observed. */
function deviceOf({ device }: ReportInput): string {
  return components(device.serialNumber, MANUFACTURER, device.uid, 'ISO');
}

function timestamp(input: ReportInput): string {
  const offset = offsetOf(input);
  const { da, tm } = localDateTime(input.createdAt, offset);
  return `${da}${tm.slice(0, 6)}${utcOffset(offset)}`;
}

function coded({ value, meaning, scheme }: Code): string {
  return components(value, meaning, scheme);
}

function components(...parts: string[]): string {
  return parts.map(escapeText).join('^').replace(/\^+$/, '');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\E\\',
  '|': '\\F\\',
  '^': '\\S\\',
  '&': '\\T\\',
  '~': '\\R\\',
};

/** HL7 2.7: delimiters within text, and line ends, which would otherwise begin a segment. */
function escapeText(text: string): string {
  return text.replace(/[\\|^&~]/g, (character) => ESCAPES[character]!).replace(/\r\n|\r|\n/g, '\\.br\\');
}

/** Empty fields at the end of a segment are left out. */
function trimmed(segment: Segment): string {
  return segment.join('|').replace(/\|+$/, '');
}
