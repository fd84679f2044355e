import { z } from 'zod';
import { WORKLIST_FLAGS, WORKLIST_SORTS, type WorklistSort } from '../../db/views/worklist.js';
import { CASE_STATES, type CaseState } from '../domain/caseStates.js';
import { LEVELS } from '../domain/levels.js';

const STATES = Object.keys(CASE_STATES) as [CaseState, ...CaseState[]];
const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema.optional());

/** What a worklist may be asked; the page and the API ask the same way. */
export const WorklistQuery = z.strictObject({
  flag: optional(z.enum(WORKLIST_FLAGS)),
  /** The disc that the flag is about; alone: calcified there. */
  level: optional(z.enum(LEVELS)),
  find: optional(z.string().trim().max(64)),
  sort: optional(z.enum(Object.keys(WORKLIST_SORTS) as [WorklistSort, ...WorklistSort[]])),
  state: optional(z.enum(STATES)),
  /** Of the MR's acquisition, both days included. */
  from: optional(z.iso.date()),
  to: optional(z.iso.date()),
  page: z.coerce.number().int().min(0).max(100_000).default(0),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

export type WorklistQuery = z.output<typeof WorklistQuery>;

/** A case opened from a list: what the list was asked, so that one can go back to it, and to the case beside. */
export const CaseQuery = z.strictObject({ list: optional(z.string().max(400)) });

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
