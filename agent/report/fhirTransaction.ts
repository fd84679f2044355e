import type { Urgency } from '../../config/destinations.js';
import { sha256 } from '../domain/hash.js';
import { buildFhir, type FhirReport, type Resource } from './fhir.js';
import { reportUids } from './modules.js';
import type { ReportInput } from './types.js';

export interface FhirOptions {
  readonly urgency?: Urgency;
  /** The reports that this one amends, the newest first: what they observed and this one does not is taken back. */
  readonly earlier?: readonly ReportInput[];
  /** Why the result is taken back, in words; null: it stands. */
  readonly withdrawn?: string | null;
}

/** A resource as an entry of a transaction: what it is known by, and how it gets there. */
export interface FhirEntry {
  readonly resource: Resource;
  readonly how: 'update' | 'create';
  readonly identifier: FhirIdentifier;
}

export interface FhirIdentifier {
  readonly system: string;
  readonly value: string;
}

/**
 * The report as a transaction (FHIR R4 3.1.0.11): a server that has it takes the next revision, or the same again, as an
 * update of the same resources (conditional by our identifiers), so nothing is ever there twice. An ImagingStudy
 * belongs to the PACS: it is made only where the server knows none of that UID.
 */
export function fhirTransaction(input: ReportInput, options: FhirOptions = {}): Resource {
  const entries = fhirEntries(input, options);
  const urls = new Map(
    entries.map(({ resource, identifier }) => [referenceOf(resource), `urn:uuid:${uuidOf(identifier)}`]),
  );
  return {
    resourceType: 'Bundle',
    id: reportUids(input).sopInstanceUid,
    type: 'transaction',
    entry: entries.map(({ resource, how, identifier }) => {
      const { resourceType, id: _, meta: _meta, ...elements } = resource;
      const query = `identifier=${encodeURIComponent(`${identifier.system}|${identifier.value}`)}`;
      return {
        fullUrl: urls.get(referenceOf(resource)),
        resource: { resourceType, ...(resolved(elements, urls) as object) },
        request:
          how === 'update'
            ? { method: 'PUT', url: `${resourceType}?${query}` }
            : { method: 'POST', url: resourceType, ifNoneExist: query },
      };
    }),
  };
}

/** What a report says, as it is pushed (fhirTransaction) and as it is served (fhirServed): one and the same. */
export function fhirEntries(input: ReportInput, options: FhirOptions = {}): FhirEntry[] {
  const { earlier = [], withdrawn = null, urgency = 'routine' } = options;
  const report = buildFhir(input);
  const own = namespaceOf(input);
  const slots = slotsOf(input);
  const lost = lostObservations(earlier, new Set(slots));
  const isOver = withdrawn !== null;
  const observed: FhirEntry[] = report.observations.map((resource, index) => ({
    resource: isOver ? entered(resource) : resource,
    how: 'update',
    identifier: own(slots[index]!),
  }));
  const made: FhirEntry[] = [
    {
      resource: isOver
        ? { ...entered(report.diagnosticReport), conclusion: `Withdrawn: ${withdrawn}` }
        : report.diagnosticReport,
      how: 'update',
      identifier: own('report'),
    },
    ...observed,
    ...lost.map(
      ({ resource, slot }): FhirEntry => ({
        resource: entered(resource),
        how: 'update',
        identifier: own(slot),
      }),
    ),
    { resource: taskOf(report, isOver, urgency), how: 'update', identifier: own('review') },
  ];
  return [
    ...made.map((entry) => identified(entry)),
    ...report.imagingStudies.map(
      (resource): FhirEntry => ({ resource, how: 'create', identifier: uidOf(resource) }),
    ),
    { resource: report.device, how: 'update', identifier: uidOf(report.device) },
  ];
}

/** Identifiers of our own are of this installation and of the case: the same for every revision. */
function namespaceOf({ device, caseId }: ReportInput): (what: string) => FhirIdentifier {
  return (what) => ({ system: `urn:oid:${device.uid}`, value: `${caseId}:${what}` });
}

/** A disc keeps its place over revisions by its level, or by its order where no level is sure. */
function slotsOf({ discs, localisation }: ReportInput): string[] {
  return discs.map(({ level }, index) => (localisation.status === 'located' ? level : `disc-${index + 1}`));
}

/** Of each place that is no more, what was last observed there. */
function lostObservations(earlier: readonly ReportInput[], kept: ReadonlySet<string>) {
  const lost = new Map<string, Resource>();
  for (const input of earlier) {
    const slots = slotsOf(input);
    for (const [index, resource] of buildFhir(input).observations.entries()) {
      const slot = slots[index]!;
      if (!kept.has(slot) && !lost.has(slot)) lost.set(slot, resource);
    }
  }
  return [...lost].map(([slot, resource]) => ({ slot, resource }));
}

/** FHIR R4 observation-status and diagnostic-report-status: it should never have been believed. */
function entered(resource: Resource): Resource {
  return { ...resource, status: 'entered-in-error' };
}

function taskOf({ task }: FhirReport, isOver: boolean, urgency: Urgency): Resource {
  return { ...task, ...(isOver ? { status: 'cancelled' } : {}), priority: urgency };
}

/** With the identifier by which it is found again, before those that it has. */
function identified(entry: FhirEntry): FhirEntry {
  const has = (entry.resource.identifier ?? []) as readonly FhirIdentifier[];
  return { ...entry, resource: { ...entry.resource, identifier: [entry.identifier, ...has] } };
}

/** urn:dicom:uid, which the resource has first. */
function uidOf({ identifier }: Resource): FhirIdentifier {
  return (identifier as readonly FhirIdentifier[])[0]!;
}

export function referenceOf({ resourceType, id }: Resource): string {
  return `${resourceType}/${id}`;
}

/** References between the entries as something else: what they are called where they go. */
export function resolved(value: unknown, urls: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((each) => resolved(each, urls));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const url = key === 'reference' && typeof inner === 'string' ? urls.get(inner) : undefined;
      return [key, url ?? resolved(inner, urls)];
    }),
  );
}

/** RFC 9562 5.8: the same for the same identifier. */
function uuidOf({ system, value }: FhirIdentifier): string {
  const hex = sha256(`${system}|${value}`);
  const variant = ((Number.parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
