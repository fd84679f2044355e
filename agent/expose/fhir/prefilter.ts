import type { StandingFilter } from '../../../db/views/standingResults.js';
import type { Criterion, DateRange, SearchRequest, Token } from './parameters.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/i;

/** The case of an id of ours; none for what is no such id. */
export function caseIdIn(id: string): string[] {
  const [caseId] = UUID.exec(id) ?? [];
  return caseId === undefined ? [] : [caseId.toLowerCase()];
}

/**
 * What the database can be asked for at once: never less than what answers, which is looked at one by one afterwards
 * (match.ts).
 */
export function prefilterOf(request: SearchRequest): StandingFilter {
  const { type, criteria, patients, studies, accessions } = request;
  const [patient, study, accession] = [patients[0], studies[0], accessions[0]];
  return {
    ...(patient && { patientIds: patient.map(({ value }) => value) }),
    ...(study && { studies: study }),
    ...(accession && { accessionNumbers: accession }),
    ...Object.assign({}, ...criteria.map((each) => ofCriterion(type, each))),
  };
}

function ofCriterion(type: SearchRequest['type'], criterion: Criterion): StandingFilter {
  if (criterion.type === 'date')
    return criterion.name === '_lastUpdated' && criterion.any.length === 1 ? bounds(criterion.any[0]!) : {};
  const values = criterion.any.map(({ value }: Token) => value);
  if (criterion.name === '_id')
    return type === 'ImagingStudy' ? { studies: values } : { caseIds: values.flatMap(caseIdIn) };
  return criterion.name === 'identifier' ? ofIdentifiers(type, values) : {};
}

/** A disc's tracking UID stands in no column: an Observation is looked for among all. */
function ofIdentifiers(type: SearchRequest['type'], values: readonly string[]): StandingFilter {
  if (type === 'Observation' || values.includes('')) return {};
  if (values.every((value) => /^[0-9a-f-]{36}:/.test(value))) return { caseIds: values.flatMap(caseIdIn) };
  if (values.every((value) => value.startsWith('urn:oid:'))) {
    const uids = values.map((value) => value.slice('urn:oid:'.length));
    return type === 'ImagingStudy' ? { studies: uids } : { sopInstanceUids: uids };
  }
  return values.some((value) => /^urn:oid:|^[0-9a-f-]{36}:/.test(value)) ? {} : { accessionNumbers: values };
}

function bounds({ prefix, from, to }: DateRange): StandingFilter {
  if (prefix === 'eq') return { updatedFrom: new Date(from), updatedTo: new Date(to) };
  if (['gt', 'ge', 'sa'].includes(prefix)) return { updatedFrom: new Date(from) };
  return prefix === 'ne' ? {} : { updatedTo: new Date(to) };
}
