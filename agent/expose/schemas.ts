import { z } from 'zod';
import { ANSWERS } from '../domain/answers.js';
import { CASE_STATES, type CaseState } from '../domain/caseStates.js';
import { CT_LABELS, type CtLabel } from '../domain/ctLabels.js';
import { LEVELS } from '../domain/levels.js';
import { LOCATE_STATUSES, type LocateStatus } from '../domain/locateStatuses.js';
import { READER_VERDICTS, type ReaderVerdict } from '../domain/readerVerdicts.js';

/**
 * What the JSON says, for OpenAPI. Of a row only what stays from version to version is named; there is more in it.
 * A test reads real answers by these.
 */
const keys = <T extends string>(table: Readonly<Record<T, unknown>>) => Object.keys(table) as [T, ...T[]];
const Moment = z.iso.datetime();
const Day = z.iso.date();
const Uid = z.string().regex(/^[0-9.]{1,64}$/);
const State = z.enum(keys<CaseState>(CASE_STATES));
const Label = z.enum(keys<CtLabel>(CT_LABELS));
const Located = z.enum(keys<LocateStatus>(LOCATE_STATUSES));
const Row = z.looseObject({});

/** RFC 9457; `error` is what older programs read. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  error: z.string(),
});

const Flag = z.looseObject({
  level: z.enum(LEVELS),
  probability: z.number().nullable(),
  answer: z.enum(ANSWERS).nullable(),
  calcified: z.boolean().nullable().describe('null where nothing is stated'),
  ctLabel: Label.nullable(),
});

const ListedCase = z.looseObject({
  id: z.uuid(),
  state: State,
  revision: z.number().int(),
  createdAt: Moment,
  stateSince: Moment,
  lastErrorCode: z.string().nullable(),
  waitingFor: z.string().nullable(),
  patientId: z.string(),
  patientName: z.string(),
  accessionNumber: z.string(),
  studyDescription: z.string(),
  mrStudyInstanceUid: Uid,
  mrAcquisitionDate: Day.nullable(),
  pairingOutcome: z.string().nullable(),
  intervalDays: z.number().int().nullable().describe('CT minus MR'),
  locateStatus: Located.nullable(),
  flags: z.array(Flag).describe('from above down; only levels that were found on MR or CT'),
  readerAnswers: z.number().int().describe('documents in which readers answered the report'),
  readerRejections: z.number().int().describe('discs that readers rejected'),
});

export const CaseList = z.object({
  cases: z.array(ListedCase),
  page: z.number().int(),
  hasMore: z.boolean(),
  total: z.number().int(),
});

export const FoundList = z.object({
  items: z.array(
    z.looseObject({
      kind: z.enum(['series', 'aside', 'waiting', 'refused', 'fetch']),
      patientId: z.string().nullable(),
      patientName: z.string().nullable(),
      accessionNumber: z.string().nullable(),
      what: z.string(),
      where: z.string(),
      why: z.string().nullable(),
      caseId: z.string().nullable(),
      uid: z.string().nullable(),
    }),
  ),
  isCut: z.boolean().describe('not everything was looked at, or shown'),
});

const TrailRow = z.looseObject({
  seq: z.number().int(),
  at: Moment,
  event: z.string(),
  eventCode: z.string().describe('DICOM PS3.16 CID 400'),
  eventMeaning: z.string(),
  action: z.enum(['C', 'R', 'U', 'D', 'E']).describe('PS3.15 A.5.2'),
  outcome: z.union([z.literal(0), z.literal(4), z.literal(8), z.literal(12)]),
  actor: z.string(),
  subjectType: z.string(),
  subjectId: z.string(),
  detail: z.record(z.string(), z.unknown()),
  hash: z.string(),
});

export const TrailPage = z.object({
  events: z.array(TrailRow),
  next: z.number().int().nullable().describe('the next page’s `before`; null at the end'),
});

const Counts = z.looseObject({
  truePositive: z.number().int(),
  falsePositive: z.number().int(),
  falseNegative: z.number().int(),
  trueNegative: z.number().int(),
});
const Agreed = z.looseObject({
  discs: z.number().int().describe('whose CT says yes or no'),
  unstated: z.number().int(),
  performance: Counts.describe('shares with their 95 % Wilson intervals'),
  auc: z.looseObject({ auc: z.number() }).nullable().describe('with its 95 % DeLong interval'),
});

export const QualityAnswer = z.looseObject({
  coverage: z.looseObject({ cases: z.number().int(), withCt: z.number().int(), discs: z.number().int() }),
  models: z.array(Agreed.extend({ model: z.string(), role: z.enum(['active', 'shadow']) })),
  groups: z.array(
    z.looseObject({ grouping: z.string(), rows: z.array(Agreed.extend({ group: z.string() })) }),
  ),
});

const Spread = z.object({
  results: z.number().int(),
  medianMinutes: z.number().nullable(),
  lowMinutes: z.number().nullable().describe('the 5th percentile'),
  highMinutes: z.number().nullable().describe('the 95th percentile'),
});
const PersonVerdicts = z.object({
  accepted: z.number().int(),
  rejected: z.number().int(),
  moved: z.number().int(),
  unclear: z.number().int(),
});

export const PeopleAnswer = z.looseObject({
  results: z.number().int(),
  withReport: z.number().int().describe('with a final written report'),
  before: Spread.describe('in the first destination before the report was signed'),
  after: Spread,
  undelivered: z.number().int(),
  noTime: z.number().int().describe('whose report says no time'),
  backfill: z.number().int(),
  noReport: z.number().int(),
  openedBefore: z
    .number()
    .int()
    .describe('here, not in the PACS; this and the next two where the signing has a time'),
  openedAfterOnly: z.number().int(),
  openedByNobody: z.number().int(),
  verdicts: PersonVerdicts.describe('results of which somebody said so'),
  people: z.array(
    PersonVerdicts.extend({
      person: z.string().describe('as the trail names them; document:NAME for readers by documents'),
      opened: z.number().int(),
      openedBefore: z.number().int(),
      openedAfterOnly: z.number().int(),
      medianMinutesToOpen: z.number().nullable(),
      withoutVerdict: z.number().int(),
      medianMinutesToVerdict: z.number().nullable(),
    }),
  ),
});

export const AlarmList = z.looseObject({
  open: z.number().int().describe('that nobody has acknowledged'),
  alarms: z.array(
    z.looseObject({
      id: z.string().describe('scope|figure|rule|day'),
      scope: z.string().describe('a scanner, or all'),
      figure: z.string(),
      rule: z.enum(['seven-days', 'average', 'never-seen']),
      day: Day,
      since: Day,
      what: z.string(),
      acknowledged: z.looseObject({ reason: z.string(), acknowledgedBy: z.string() }).nullable(),
    }),
  ),
  charts: z.number().int(),
  unwatched: z.array(z.string()),
});

export const ResultList = z.object({
  results: z.array(
    z.looseObject({
      caseId: z.uuid(),
      accessionNumber: z.string(),
      level: z.enum(LEVELS),
      model: z.string(),
      modelVersion: z.string(),
      role: z.enum(['active', 'shadow']),
      probability: z.number(),
      answer: z.enum(ANSWERS),
      ctLabel: Label.nullable(),
    }),
  ),
  next: z.uuid().nullable().describe('the next page’s `after`; null at the end'),
});

const Inference = z.looseObject({
  level: z.enum(LEVELS),
  role: z.enum(['active', 'shadow']),
  modelName: z.string(),
  modelVersion: z.string(),
  modelSha256: z.string(),
  probability: z.number(),
  alone: z
    .number()
    .nullable()
    .describe(
      'what the network gave of the region alone, where `probability` is that held against the spine’s other discs',
    ),
  threshold: z.number(),
  answer: z.enum(ANSWERS),
  reasons: z.array(z.string()),
  calcified: z.boolean().nullable(),
});

export const WholeCase = z.looseObject({
  case: z.looseObject({ id: z.uuid(), state: State, revision: z.number().int(), stateSince: Moment }),
  study: z.looseObject({
    studyInstanceUid: Uid,
    patientId: z.string(),
    patientName: z.string(),
    accessionNumber: z.string(),
  }),
  mrSeries: z.looseObject({ seriesInstanceUid: Uid }),
  ctSeries: z.looseObject({ seriesInstanceUid: Uid }).nullable(),
  choice: Row.nullable(),
  pairing: z.looseObject({ outcome: z.string(), intervalDays: z.number().int().nullable() }).nullable(),
  mr: z.looseObject({ status: Located, reasons: z.array(z.string()) }).nullable(),
  ct: z.looseObject({ status: Located, reasons: z.array(z.string()) }).nullable(),
  regions: z.array(z.looseObject({ level: z.enum(LEVELS) })),
  measurements: z.array(z.looseObject({ level: z.enum(LEVELS), label: Label })),
  inferences: z.array(Inference),
  reports: z.array(z.looseObject({ revision: z.number().int(), sopInstanceUid: Uid })),
  deliveries: z.array(
    z.looseObject({ destination: z.string(), state: z.string(), attempts: z.number().int() }),
  ),
  readerVerdicts: z.array(
    z.looseObject({
      disc: z.enum(LEVELS).nullable(),
      verdict: z.enum(Object.keys(READER_VERDICTS) as ReaderVerdict[]),
      answer: z.enum(['calcified', 'not-calcified']).nullable(),
      level: z.enum(LEVELS).nullable(),
      box: z.array(z.number()).length(4).nullable(),
      words: z.string(),
      reader: z.string(),
    }),
  ),
  audit: z.array(TrailRow),
});
