import type { Urgency } from '../../config/destinations.js';
import type { Code } from '../domain/code.js';
import { CALCIFICATION } from '../domain/findings.js';
import { sha256 } from '../domain/hash.js';
import { CONCEPT, UNIT, VALUE } from './codes.js';
import { conclusion, recommendation, remarks } from './evaluations.js';
import { type LevelFinding, levelFindings } from './findings.js';
import { MANUFACTURER, reportUids } from './modules.js';
import {
  type Composed,
  composed,
  DEFAULT_ORU,
  escapeHl7,
  type OruTemplate,
  parseOruTemplate,
} from './oruTemplate.js';
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

export interface OruOptions {
  /** By default P, or C for a report that amends another; W withdraws every observation. */
  readonly status?: ResultStatus;
  readonly urgency?: Urgency;
  /** The site's; absent: ours. */
  readonly template?: OruTemplate;
}

const OURS = parseOruTemplate(DEFAULT_ORU, 'our own template');

/** HL7 table 0485. */
const PRIORITY = { stat: 'S', urgent: 'A', routine: 'R' } as const satisfies Record<Urgency, string>;

/** MSH-10: the same report and status have the same one, so that a receiver can tell a repetition. */
export function controlIdOf(input: ReportInput, status: ResultStatus = statusOf(input)): string {
  return sha256(`${reportUids(input).sopInstanceUid} ${status}`).slice(0, 20);
}

function statusOf({ predecessor }: ReportInput): ResultStatus {
  return predecessor === null ? 'P' : 'C';
}

/**
 * HL7 v2.5.1 ORU^R01 with a flag per level, for a worklist that reads no SR. The same report and status give the
 * same message.
 * @returns segments ended by carriage return, text as UTF-8
 */
export function buildOru(input: ReportInput, parties: Hl7Parties, options: OruOptions = {}): string {
  return (options.template ?? OURS)(oruView(input, parties, options));
}

/** What a template may name (docs/results.md), each as it stands in a field. */
export function oruView(
  input: ReportInput,
  parties: Hl7Parties,
  { status = statusOf(input), urgency = 'routine' }: OruOptions = {},
) {
  const now = timestamp(input);
  const next = recommendation(input);
  const notes = [conclusion(input), ...(next ? [next.reason] : []), ...remarks(input)];
  const levels = levelFindings(input);
  const flagged = levels.filter(({ result }) => result === VALUE.present).map(({ level }) => level);
  return {
    ...parties,
    now,
    controlId: controlIdOf(input, status),
    status,
    orderStatus: ORDER_STATUS[status],
    isWithdrawn: status === 'W',
    isCorrected: status === 'C',
    urgency,
    priority: PRIORITY[urgency],
    patient: {
      id: input.patient.id,
      issuer: input.patient.issuerOfPatientId,
      identifier: components(input.patient.id, '', '', input.patient.issuerOfPatientId, 'MR'),
      name: composed(names(input.patient.name)),
      birthDate: formatDa(input.patient.birthDate),
      sex: input.patient.sex,
    },
    accession: input.study.accessionNumber,
    studyUid: input.study.studyInstanceUid,
    studyTime: studyTime(input),
    studyDescription: input.study.description,
    procedure: coded(VALUE.mriProcedure),
    conclusion: conclusion(input),
    isFlagged: flagged.length > 0,
    flagged: flagged.join(', '),
    notes: notes.map((text, index) => ({ setId: String(index + 1), text })),
    levels: levels.map(levelView),
    observations: observations(input, levels),
  };
}

function studyTime({ study }: ReportInput): string {
  const date = formatDa(study.date);
  return `${date}${date && formatTm(study.time).split('.')[0]}`;
}

function levelView({ level, result, probability, unstated }: LevelFinding) {
  return {
    level,
    result: result.meaning,
    code: coded(result),
    abnormal: ABNORMAL[result.value] ?? '',
    percent: probability === null ? '' : percentText(probability),
    why: unstated ?? '',
  };
}

function percentText(probability: number): string {
  return String(Number((probability * 100).toPrecision(7)));
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

const DICOM_STUDY: Code = { value: '113014', scheme: 'DCM', meaning: 'DICOM Study' };

interface Observation {
  readonly type: 'HD' | 'CWE' | 'NM' | 'ST';
  readonly what: Code;
  /** OBX-4: the level. */
  readonly of: string;
  readonly value: Composed | string;
  readonly unit?: Code;
  readonly abnormal?: string;
}

function observations(input: ReportInput, levels: readonly LevelFinding[]) {
  const study = components('', input.study.studyInstanceUid, 'ISO');
  const all: Observation[] = [
    { type: 'HD', what: DICOM_STUDY, of: '', value: study },
    ...levels.flatMap(levelObservations),
  ];
  const [method, device] = [methodOf(input), deviceOf(input)];
  return all.map(({ type, what, of, value, unit, abnormal = '' }, index) => ({
    setId: String(index + 1),
    type,
    code: coded(what),
    of,
    value,
    unit: unit ? coded(unit) : '',
    abnormal,
    method,
    device,
  }));
}

function levelObservations({ level, result, probability, unstated }: LevelFinding): Observation[] {
  const abnormal = ABNORMAL[result.value] ?? '';
  const what = CALCIFICATION.code;
  const flag: Observation = { type: 'CWE', what, of: level, value: coded(result), abnormal };
  const why: Observation[] = unstated === null ? [] : [{ type: 'ST', what, of: level, value: unstated }];
  if (probability === null) return [flag, ...why];
  const value = percentText(probability);
  return [flag, ...why, { type: 'NM', what: CONCEPT.certainty, of: level, value, unit: UNIT.percent }];
}

/** HL7 table 0078; what is not stated is neither. */
const ABNORMAL: Readonly<Record<string, string>> = {
  [VALUE.present.value]: 'A',
  [VALUE.absent.value]: 'N',
  [VALUE.indeterminate.value]: '',
  [VALUE.notAssessable.value]: '',
};

function methodOf({ classifier }: ReportInput): Composed | string {
  if (classifier === null) return '';
  return components(classifier.name, `${classifier.name} ${classifier.version}`, 'L');
}

/** EI: which installation observed. */
function deviceOf({ device }: ReportInput): Composed {
  return components(device.serialNumber, MANUFACTURER, device.uid, 'ISO');
}

function timestamp(input: ReportInput): string {
  const offset = offsetOf(input);
  const { da, tm } = localDateTime(input.createdAt, offset);
  return `${da}${tm.slice(0, 6)}${utcOffset(offset)}`;
}

function coded({ value, meaning, scheme }: Code): Composed {
  return components(value, meaning, scheme);
}

function components(...parts: string[]): Composed {
  return composed(parts.map(escapeHl7).join('^').replace(/\^+$/, ''));
}
