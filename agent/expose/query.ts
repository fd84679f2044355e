import { z } from 'zod';
import { TRUTHS } from '../../db/views/qualityDiscs.js';
import { WORKLIST_FLAGS, WORKLIST_SORTS } from '../../db/views/worklistFilter.js';
import { BMI_GROUPS } from '../domain/bmiBands.js';
import { CASE_STATES, type CaseState } from '../domain/caseStates.js';
import { LEVELS } from '../domain/levels.js';
import { CASE_ACTION_NAMES } from '../judge/actions.js';

const STATES = Object.keys(CASE_STATES) as [CaseState, ...CaseState[]];
/** An empty field of a form was not asked. */
export const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema.optional());

/** Beside patient and discs. */
export const WORKLIST_COLUMNS = [
  'accession',
  'mr',
  'ct',
  'site',
  'scanner',
  'readers',
  'arrived',
  'state',
] as const;
export type WorklistColumn = (typeof WORKLIST_COLUMNS)[number];

/** As a form sends checked boxes, and as an address has them: `mr,ct`. */
const Columns = z.preprocess(
  (value) => (Array.isArray(value) ? value.join(',') : value === '' ? undefined : value),
  z
    .string()
    .refine(
      (text) => text.split(',').every((each) => WORKLIST_COLUMNS.includes(each as WorklistColumn)),
      `columns are of ${WORKLIST_COLUMNS.join(', ')}`,
    )
    .optional(),
);

/** What a worklist may be asked; the page and the API ask the same way. */
export const WorklistQuery = z.strictObject({
  flag: optional(z.enum(WORKLIST_FLAGS)),
  /** The disc that the flag is about; alone: calcified there. */
  level: optional(z.enum(LEVELS)),
  find: optional(z.string().trim().max(64)),
  sort: optional(z.enum(WORKLIST_SORTS)),
  state: optional(z.enum(STATES)),
  /** Of the MR's acquisition, both days included. */
  from: optional(z.iso.date()),
  to: optional(z.iso.date()),
  /** The whole number, or UID: links of other systems. */
  accession: optional(z.string().trim().max(64)),
  study: optional(z.string().regex(/^[0-9.]{1,64}$/)),
  site: optional(z.string().max(64)),
  scanner: optional(z.string().max(64)),
  /** Tesla. */
  field: optional(z.coerce.number().min(0).max(99)),
  sex: optional(z.string().max(16)),
  /** Whole years at the MR, both included. */
  ageFrom: optional(z.coerce.number().int().min(0).max(150)),
  ageTo: optional(z.coerce.number().int().min(0).max(150)),
  bmi: optional(z.enum(BMI_GROUPS)),
  ct: optional(z.enum(['paired', 'none'])),
  /** Waiting for a destination, or refused for good by one; of any, or of the one that is named. */
  delivery: optional(z.enum(['pending', 'parked'])),
  destination: optional(z.string().max(64)),
  /** Error code of what parked it. */
  code: optional(z.string().regex(/^[A-Z_]{1,64}$/)),
  /** The last case of the page before, or the first of the page after: pages as deep as one likes. */
  after: optional(z.uuid()),
  before: optional(z.uuid()),
  /** Of the page alone. */
  columns: Columns,
  page: z.coerce.number().int().min(0).max(100_000).default(0),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

export type WorklistQuery = z.output<typeof WorklistQuery>;

/** A case opened from a list: what the list was asked, so that one can go back to it, and to the case beside. */
export const CaseQuery = z.strictObject({
  list: optional(z.string().max(400)),
  /** The form that led here. */
  done: optional(z.enum([...CASE_ACTION_NAMES, 'verdict'])),
  /** What is shown of the study, from 1, and its window; absent: the slice that was read, as it says itself. */
  series: optional(z.string().regex(/^[0-9.]{1,64}$/)),
  image: optional(z.coerce.number().int().min(1).max(100_000)),
  center: optional(z.coerce.number().min(-100_000).max(100_000)),
  width: optional(z.coerce.number().min(1).max(200_000)),
  zoom: optional(z.coerce.number().min(1).max(8)),
});

export type CaseQuery = z.output<typeof CaseQuery>;

/** One image of a case's series. */
export const ImageQuery = CaseQuery.pick({ series: true, image: true, center: true, width: true });

/** Which results quality is judged by; dates are the MR's. */
export const ResultQuery = z.strictObject({
  from: optional(z.iso.date()),
  to: optional(z.iso.date()),
  level: optional(z.enum(LEVELS)),
  site: optional(z.string().max(64)),
  scanner: optional(z.string().max(64)),
  bmi: optional(z.enum(BMI_GROUPS)),
  accession: optional(z.string().trim().max(64)),
});

/** The page of agreement, and its JSON: by which truth. */
export const AgreementQuery = ResultQuery.extend({ truth: optional(z.enum(TRUTHS)) });

/** Whole cases a page; `after` is the last answer's `next`. */
export const ResultPageQuery = ResultQuery.extend({
  after: optional(z.uuid()),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});

export const WatchQuery = z.strictObject({ scope: optional(z.string().max(64)) });

export const AlarmForm = z.object({
  alarm: z.string().max(300),
  reason: z.string().trim().min(1).max(300),
  newBase: z.literal('yes').optional(),
});

/** A person says why. */
export const ReasonForm = z.object({ reason: z.string().trim().min(1).max(300) });

/** A launch from another system. */
export const OpenQuery = z.strictObject({
  accession: optional(z.string().trim().max(64)),
  study: optional(z.string().regex(/^[0-9.]{1,64}$/)),
});

export const FindQuery = z.strictObject({ q: optional(z.string().trim().max(128)) });

/** The list a case was opened from; the whole worklist where that cannot be read. */
export function listQueryOf(list: string | undefined): WorklistQuery {
  const given = Object.fromEntries(new URLSearchParams(list ?? ''));
  const parsed = WorklistQuery.safeParse(given);
  return parsed.success ? parsed.data : WorklistQuery.parse({});
}

/** A wrong request: told to whoever asked, with status 400. */
export class BadRequest extends Error {
  readonly statusCode = 400;
}

export class NotFound extends Error {
  readonly statusCode = 404;
}

/** @throws BadRequest saying which parameter is wrong */
export function parseQuery<T extends z.ZodType>(schema: T, query: unknown): z.output<T> {
  const parsed = schema.safeParse(query);
  if (!parsed.success) throw new BadRequest(z.prettifyError(parsed.error));
  return parsed.data;
}
