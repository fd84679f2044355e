import type { Urgency } from '../../config/destinations.js';
import type { Resource } from './fhir.js';
import { type FhirEntry, fhirEntries, referenceOf, resolved } from './fhirTransaction.js';
import type { ReportInput } from './types.js';

/** A result as it stands now. */
export interface StandingResult {
  /** Of the newest revision that counts. */
  readonly input: ReportInput;
  /** Of the revisions before, the newest first. */
  readonly earlier: readonly ReportInput[];
  readonly urgency: Urgency;
  /** Why it was taken back, in words; null: it stands. */
  readonly withdrawn: string | null;
  /** When it came to be what it is. */
  readonly updatedAt: Date;
}

/**
 * A result as the resources of a read API: what a transaction pushes (fhirTransaction), under ids of ours that stay the
 * same from revision to revision. What belongs to the case has its revision as its version, with `.withdrawn` once it was
 * taken back; an ImagingStudy and the Device are told by the newest result that names them, and have its time.
 */
export function servedResources(result: StandingResult): Resource[] {
  const { input, earlier, urgency, withdrawn, updatedAt } = result;
  const entries = fhirEntries(input, { earlier, urgency, withdrawn });
  const ids = new Map(
    entries.map((entry) => [
      referenceOf(entry.resource),
      `${entry.resource.resourceType}/${idOf(entry, input.caseId)}`,
    ]),
  );
  const revision = `${input.revision}${withdrawn === null ? '' : '.withdrawn'}`;
  return entries.map((entry) => {
    const { resourceType, id: _, meta: _meta, ...elements } = entry.resource;
    const versionId = isOfCase(entry, input.caseId) ? revision : String(updatedAt.getTime());
    return {
      resourceType,
      id: idOf(entry, input.caseId),
      meta: { versionId, lastUpdated: updatedAt.toISOString() },
      ...(resolved(elements, ids) as object),
    };
  });
}

/** What the identifier of ours says: CASE:report is the case itself, CASE:L4-L5 its disc, CASE:review the task. */
function idOf(entry: FhirEntry, caseId: string): string {
  if (!isOfCase(entry, caseId)) return entry.resource.id;
  const what = entry.identifier.value.slice(caseId.length + 1);
  return what === 'report' ? caseId : `${caseId}-${what}`;
}

function isOfCase({ identifier }: FhirEntry, caseId: string): boolean {
  return identifier.value.startsWith(`${caseId}:`);
}
