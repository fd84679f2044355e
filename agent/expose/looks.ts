import type { FastifyRequest } from 'fastify';
import type { Database } from '../../db/server/database.js';
import { type AuditEventName, appendAudit } from '../../db/tables/audit.js';
import type { CaseRow } from '../../db/tables/cases.js';

/** What somebody was shown of a case, and how the trail says it (PS3.15 A.5.3). */
const SHOWN = {
  page: { event: 'CASE_VIEWED', isPart: false },
  api: { event: 'CASE_VIEWED', isPart: false },
  fhir: { event: 'CASE_VIEWED', isPart: false },
  'fhir search': { event: 'CASE_VIEWED', isPart: true },
  'report.txt': { event: 'CASE_VIEWED', isPart: false },
  'report.dcm': { event: 'REPORT_DOWNLOADED', isPart: false },
  refresh: { event: 'CASE_VIEWED', isPart: true },
  slice: { event: 'CASE_VIEWED', isPart: true },
  region: { event: 'CASE_VIEWED', isPart: true },
  image: { event: 'CASE_VIEWED', isPart: true },
} as const satisfies Record<string, { event: AuditEventName; isPart: boolean }>;

export type Shown = keyof typeof SHOWN;

export interface Looks {
  /** Notes that a case, or a part of it, is shown. A page's own pictures and refreshing are one look with the page. */
  noteCase(
    request: FastifyRequest,
    view: { readonly case: Pick<CaseRow, 'id' | 'revision'> },
    what: Shown,
    /** Other cases of the patient of which something is shown with it. */
    beside?: readonly string[],
  ): Promise<void>;
  /** Notes that cases are listed or searched for: by what, not for whom, because that may be a name; null: not counted. */
  noteList(request: FastifyRequest, what: string, query: object, found: number | null): Promise<void>;
}

/** So long after a look the same person's pictures of the same case, or the same list, are that look. */
const ONE_LOOK_MS = 10 * 60_000;
const MOST_REMEMBERED = 10_000;

export function openLooks({ knex }: Pick<Database, 'knex'>): Looks {
  const recent = new Map<string, number>();

  function isRecent(key: string): boolean {
    const now = Date.now();
    const isKnown = now - (recent.get(key) ?? -Infinity) < ONE_LOOK_MS;
    if (!isKnown) {
      if (recent.size >= MOST_REMEMBERED) recent.clear();
      recent.set(key, now);
    }
    return isKnown;
  }

  return {
    async noteCase(request, { case: { id, revision } }, what, beside = []) {
      const { event, isPart } = SHOWN[what];
      const actor = actorOf(request);
      const isCovered = isRecent(`${actor} ${id}`);
      if (isPart && isCovered) return;
      await appendAudit(knex, {
        event,
        subjectType: 'case',
        subjectId: id,
        actor,
        detail: { revision, what, from: request.ip, ...(beside.length > 0 && { beside: [...beside] }) },
      });
    },
    async noteList(request, what, query, found) {
      const actor = actorOf(request);
      if (isRecent(`${actor} ${what} ${JSON.stringify(query)}`)) return;
      const by = Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : key));
      await appendAudit(knex, {
        event: 'CASES_QUERIED',
        subjectType: 'case',
        subjectId: what,
        actor,
        detail: { by, ...(found !== null && { found }), from: request.ip },
      });
    },
  };
}

/** Whoever the gate has let in. */
function actorOf({ principal, ip }: FastifyRequest): string {
  return principal?.actor ?? `http:${ip}`;
}
