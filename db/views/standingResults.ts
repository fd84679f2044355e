import type { Tx } from '../server/knex.js';

/** The newest result of a case that was not held back, with those before it. */
export interface StandingRow {
  readonly caseId: string;
  readonly reportId: string;
  readonly revision: number;
  readonly urgency: 'stat' | 'urgent' | 'routine';
  /** What the report says (agent/report/stored.ts). */
  readonly input: unknown;
  /** Why the case is closed; null while it is not. */
  readonly closedBecause: string | null;
  readonly updatedAt: Date;
  /** Where it stands in the list, the newest first: to go on behind it. */
  readonly place: string;
}

/** Values stand beside each other for "or", conditions for "and". */
export interface StandingFilter {
  readonly caseIds?: readonly string[];
  /** Of the Structured Report. */
  readonly sopInstanceUids?: readonly string[];
  readonly patientIds?: readonly string[];
  readonly accessionNumbers?: readonly string[];
  /** Of the MR or of the CT. */
  readonly studies?: readonly string[];
  readonly updatedFrom?: Date | null;
  readonly updatedTo?: Date | null;
}

/** When a case's result came to be what it is: its report was written, or it was taken back. */
const UPDATED = `date_trunc('milliseconds', CASE WHEN c.state = 'closed' THEN greatest(r.created_at, c.state_since) ELSE r.created_at END)`;

const FROM = `
  FROM report r JOIN result x ON x.report_id = r.id JOIN "case" c ON c.id = r.case_id`;

/** A result that goes nowhere because a person or a rule holds it back (silent mode, a backfill) is told to nobody. */
const STANDS = `x.mode = 'live' AND NOT EXISTS (
  SELECT FROM report n JOIN result y ON y.report_id = n.id
   WHERE n.case_id = r.case_id AND n.revision > r.revision AND y.mode = 'live')`;

const CONDITIONS: Readonly<Record<keyof StandingFilter, string>> = {
  caseIds: 'c.id = ANY (:caseIds::uuid[])',
  sopInstanceUids: 'r.sop_instance_uid = ANY (:sopInstanceUids)',
  patientIds: `x.input->'patient'->>'id' = ANY (:patientIds)`,
  accessionNumbers: `x.input->'study'->>'accessionNumber' = ANY (:accessionNumbers)`,
  studies: `(x.input->'study'->>'studyInstanceUid' = ANY (:studies) OR x.input->'ct'->>'studyInstanceUid' = ANY (:studies))`,
  updatedFrom: `${UPDATED} >= :updatedFrom`,
  updatedTo: `${UPDATED} < :updatedTo`,
};

/** @param after `place` of the last one that is known already */
export async function listStanding(
  tx: Tx,
  filter: StandingFilter,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<StandingRow[]> {
  const [time = null, reportId = null] = after?.split('~') ?? [];
  const { rows } = await tx.raw(
    `SELECT c.id AS case_id, r.id AS report_id, r.revision, x.urgency, x.input, ${UPDATED} AS updated_at,
            CASE WHEN c.state = 'closed' THEN coalesce(c.closed_because, 'the case is closed') END AS closed_because,
            (extract(epoch FROM ${UPDATED}) * 1000)::bigint || '~' || r.id AS place
       ${FROM}
      WHERE ${STANDS} ${whereOf(filter)}
        ${after === null ? '' : `AND (${UPDATED}, r.id) < (to_timestamp(:time::numeric / 1000), :reportId::uuid)`}
      ORDER BY ${UPDATED} DESC, r.id DESC LIMIT :limit`,
    { ...given(filter), ...(after === null ? {} : { time, reportId }), limit },
  );
  return rows;
}

/** Cases that have results, and none that may be told. */
export async function countHeldBack(tx: Tx, filter: StandingFilter): Promise<number> {
  const { rows } = await tx.raw(
    `SELECT count(DISTINCT c.id)::int AS held ${FROM}
      WHERE NOT EXISTS (SELECT FROM report n JOIN result y ON y.report_id = n.id WHERE n.case_id = c.id AND y.mode = 'live')
        ${whereOf(filter)}`,
    given(filter),
  );
  return rows[0].held;
}

/** The newest that names a study, of its MR or its CT: which report speaks for it. */
export async function findStandingOfStudy(tx: Tx, studyInstanceUid: string): Promise<StandingRow | null> {
  return (await listStanding(tx, { studies: [studyInstanceUid] }, { after: null, limit: 1 }))[0] ?? null;
}

/** What was told of the revisions before one, the newest first. */
export async function listEarlierInputs(tx: Tx, caseId: string, revision: number): Promise<unknown[]> {
  return tx('report')
    .join('result', 'result.reportId', 'report.id')
    .where({ caseId, mode: 'live' })
    .andWhere('revision', '<', revision)
    .orderBy('revision', 'desc')
    .pluck('input');
}

function whereOf(filter: StandingFilter): string {
  return Object.keys(given(filter))
    .map((key) => `AND ${CONDITIONS[key as keyof StandingFilter]}`)
    .join(' ');
}

function given(filter: StandingFilter): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(filter)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([key, value]) => [key, Array.isArray(value) ? [...value] : value]),
  ) as Record<string, unknown>;
}
