import type { Resource } from '../../report/fhir.js';
import { type Criterion, type DateRange, rangeOfDate, type Token } from './parameters.js';

/** Whether a resource answers one parameter (R4 3.1.1.4): any of its values, at any of the elements. */
export function meets(resource: Resource, criterion: Criterion): boolean {
  const values = elementsAt(resource, criterion.path.split('.'));
  return criterion.type === 'token'
    ? values.some((value) => criterion.any.some((token) => isToken(value, token)))
    : values.some((value) => criterion.any.some((range) => isInRange(value, range)));
}

/** The identifier of the person it is about. */
export function isOfPatient(resource: Resource, any: readonly Token[]): boolean {
  const subject = (resource.subject ?? resource.for) as { readonly identifier?: unknown } | undefined;
  return any.some((token) => isToken(subject?.identifier, token));
}

function elementsAt(value: unknown, path: readonly string[]): unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((each) => elementsAt(each, path));
  const [name, ...rest] = path;
  if (name === undefined) return [value];
  return elementsAt((value as Record<string, unknown>)[name], rest);
}

interface Coded {
  readonly coding?: readonly Coded[];
  readonly system?: string;
  readonly code?: string;
  readonly value?: string;
}

/** A code, an Identifier, a Coding or a CodeableConcept. */
function isToken(value: unknown, token: Token): boolean {
  if (typeof value === 'string') return token.system === null && value === token.value;
  if (typeof value !== 'object' || value === null) return false;
  const { coding, system, code, value: written } = value as Coded;
  if (coding) return coding.some((each) => isToken(each, token));
  const isSystem = token.system === null || token.system === (system ?? '');
  const isAnyOfSystem = token.value === '' && token.system !== null && token.system !== '';
  return isSystem && (isAnyOfSystem || (code ?? written) === token.value);
}

/** R4 3.1.1.4.11: the element's own range against the one that is asked for. */
function isInRange(value: unknown, { prefix, from, to }: DateRange): boolean {
  const own = typeof value === 'string' ? rangeOfDate(value) : null;
  if (!own) return false;
  const isWithin = from <= own.from && own.to <= to;
  switch (prefix) {
    case 'eq':
      return isWithin;
    case 'ne':
      return !isWithin;
    case 'gt':
      return own.to > to;
    case 'ge':
      return own.to > to || isWithin;
    case 'lt':
      return own.from < from;
    case 'le':
      return own.from < from || isWithin;
    case 'sa':
      return own.from >= to;
    case 'eb':
      return own.to <= from;
  }
}
