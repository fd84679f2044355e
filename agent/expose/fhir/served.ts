import type { Tx } from '../../../db/server/knex.js';
import {
  countHeldBack,
  findStandingOfStudy,
  listEarlierInputs,
  listStanding,
  type StandingFilter,
  type StandingRow,
} from '../../../db/views/standingResults.js';
import type { Resource } from '../../report/fhir.js';
import { servedResources } from '../../report/fhirServed.js';
import { inputFrom, type StoredInput } from '../../report/stored.js';
import type { ReportInput } from '../../report/types.js';
import { isOfPatient, meets } from './match.js';
import { FhirProblem } from './outcome.js';
import type { SearchRequest, ServedType } from './parameters.js';
import { caseIdIn, prefilterOf } from './prefilter.js';

/** A resource and whose it is, for the trail. */
export interface Served {
  readonly resource: Resource;
  readonly case: { readonly id: string; readonly revision: number };
}

export interface ServedPage {
  readonly found: readonly Served[];
  /** `_after` of the next page; null at the end. */
  readonly next: string | null;
  /** Cases that would answer, and whose results are held back; of the first page alone. */
  readonly heldBack: number;
}

const AT_ONCE = 50;
/** So many results are looked through for one page: the rest is behind its `next`. */
const MOST_LOOKED_AT = 1_000;

/** @throws FhirProblem 404 */
export async function readServed(knex: Tx, type: ServedType, id: string): Promise<Served> {
  const { rows, filter } = await rowsFor(knex, type, id);
  for (const row of rows)
    for (const resource of await resourcesOf(knex, row))
      if (resource.resourceType === type && resource.id === id)
        return { resource, case: { id: row.caseId, revision: row.revision } };
  const isHeldBack = filter !== null && (await countHeldBack(knex, filter)) > 0;
  const why = isHeldBack ? ': its result is held back (silent mode, or a backfill)' : '';
  throw new FhirProblem(404, 'not-found', `there is no ${type}/${id.slice(0, 64)} here${why}`);
}

async function rowsFor(knex: Tx, type: ServedType, id: string) {
  if (type === 'Device') return { rows: await newest(knex), filter: null };
  if (type === 'ImagingStudy') {
    const row = await findStandingOfStudy(knex, id);
    return { rows: row ? [row] : [], filter: { studies: [id] } };
  }
  const filter: StandingFilter = { caseIds: caseIdIn(id) };
  return { rows: await listStanding(knex, filter, { after: null, limit: 1 }), filter };
}

/** The newest changes first; resources of one case stand together. */
export async function searchServed(knex: Tx, request: SearchRequest): Promise<ServedPage> {
  if (request.type === 'Device') return searchDevice(knex, request);
  const filter = prefilterOf(request);
  let { place, skip } = cursorOf(request.after);
  const heldBack = request.after === null ? await countHeldBack(knex, filter) : 0;
  const found: Served[] = [];
  for (let lookedAt = 0; lookedAt < MOST_LOOKED_AT; lookedAt += AT_ONCE) {
    const rows = await listStanding(knex, filter, { after: place, limit: AT_ONCE });
    for (const row of rows) {
      const answers = await answersOf(knex, row, request);
      for (const [index, each] of answers.entries()) {
        if (index < skip) continue;
        if (found.length === request.count) return { found, next: `${place ?? ''}~${index}`, heldBack };
        found.push(each);
      }
      skip = 0;
      place = row.place;
    }
    if (rows.length < AT_ONCE) return { found, next: null, heldBack };
  }
  return { found, next: `${place}~0`, heldBack };
}

function cursorOf(after: string | null): { place: string | null; skip: number } {
  const [, place = '', skip = '0'] = /^(.*)~(\d+)$/.exec(after ?? '') ?? [];
  return { place: place === '' ? null : place, skip: Number(skip) };
}

async function answersOf(knex: Tx, row: StandingRow, request: SearchRequest): Promise<Served[]> {
  const { study, ct } = inputOf(row);
  const uids = [study.studyInstanceUid, ct?.studyInstanceUid];
  if (!request.studies.every((any) => any.some((uid) => uids.includes(uid)))) return [];
  if (!request.accessions.every((any) => any.includes(study.accessionNumber))) return [];
  const answers: Served[] = [];
  for (const resource of await resourcesOf(knex, row))
    if (isAnswer(resource, request) && (await speaksFor(knex, row, resource)))
      answers.push({ resource, case: { id: row.caseId, revision: row.revision } });
  return answers;
}

function isAnswer(resource: Resource, { type, criteria, patients }: SearchRequest): boolean {
  return (
    resource.resourceType === type &&
    criteria.every((criterion) => meets(resource, criterion)) &&
    patients.every((any) => isOfPatient(resource, any))
  );
}

/** A CT may be named by the results of several cases: the newest one tells of it. */
async function speaksFor(knex: Tx, { reportId }: StandingRow, { resourceType, id }: Resource) {
  return resourceType !== 'ImagingStudy' || (await findStandingOfStudy(knex, id))?.reportId === reportId;
}

/** There is one, which every result names. */
async function searchDevice(knex: Tx, request: SearchRequest): Promise<ServedPage> {
  const found: Served[] = [];
  for (const row of await newest(knex))
    for (const resource of await resourcesOf(knex, row))
      if (isAnswer(resource, request))
        found.push({ resource, case: { id: row.caseId, revision: row.revision } });
  return { found, next: null, heldBack: 0 };
}

function newest(knex: Tx): Promise<StandingRow[]> {
  return listStanding(knex, {}, { after: null, limit: 1 });
}

async function resourcesOf(knex: Tx, row: StandingRow): Promise<Resource[]> {
  const { caseId, revision, urgency, closedBecause, updatedAt } = row;
  const earlier = (await listEarlierInputs(knex, caseId, revision)).map((each) =>
    inputFrom(each as StoredInput),
  );
  const withdrawn = closedBecause?.replace(/^withdrawn: /, '') ?? null;
  return servedResources({ input: inputOf(row), earlier, urgency, withdrawn, updatedAt });
}

function inputOf({ input }: StandingRow): ReportInput {
  return inputFrom(input as StoredInput);
}
