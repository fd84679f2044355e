import type { Urgency } from '../../config/destinations.js';
import { json, type Tx } from '../server/knex.js';
import { isKeptBack, TAKEN } from './backfillStudies.js';

/** Where a result goes, as it was decided: by which rule, to whom, in which forms. */
export interface Route {
  /** silent: it stays here. */
  readonly mode: 'live' | 'silent';
  /** The rule's name; null where no rule decided. */
  readonly rule: string | null;
  readonly urgency: Urgency;
  readonly sends: readonly Send[];
  /** Why it is sent nowhere, or otherwise than the rules say; null where there is nothing to say. */
  readonly why: string | null;
}

export interface Send {
  readonly destination: string;
  readonly forms: readonly string[];
}

export interface ResultRow {
  readonly reportId: string;
  /** What the report says (agent/report/stored.ts). */
  readonly input: unknown;
  /** null: to be decided. */
  readonly route: (Route & { readonly decidedAt: Date }) | null;
}

/** What was told is kept with the report; where it goes, once that is decided. */
export async function insertResult(trx: Tx, reportId: string, input: unknown, route: Route): Promise<void> {
  await trx('result')
    .insert({ reportId, input: json(input), ...columnsOf(trx, route) })
    .onConflict('reportId')
    .ignore();
}

export async function findResult(tx: Tx, reportId: string): Promise<ResultRow | null> {
  const row = await tx('result').where({ reportId }).first('*');
  if (!row) return null;
  const { input, mode, rule, urgency, sends, why, decidedAt } = row;
  return { reportId, input, route: mode === null ? null : { mode, rule, urgency, sends, why, decidedAt } };
}

/** Without what was told: for pages. */
export async function findRoute(tx: Tx, reportId: string): Promise<Route | null> {
  const row = await tx('result')
    .where({ reportId })
    .whereNotNull('mode')
    .first('mode', 'rule', 'urgency', 'sends', 'why');
  return row ?? null;
}

/** Decided once: who decides second changes nothing. */
export async function setRoute(trx: Tx, reportId: string, route: Route): Promise<void> {
  await trx('result').where({ reportId, mode: null }).update(columnsOf(trx, route));
}

/** The newest report of each case that ended silent since then is decided about anew, but for backfills'. @returns the cases */
export function releaseSilent(trx: Tx, since: Date): Promise<string[]> {
  return decideAnew(trx, `r.created_at >= ? AND NOT ${isKeptBack('c.mr_study_instance_uid')}`, since);
}

/** The same of the studies of a backfill, whose results may leave. @returns the cases */
export function releaseOfBackfill(trx: Tx, backfillId: string): Promise<string[]> {
  const isOfIt = `EXISTS (SELECT FROM backfill_study s
    WHERE s.backfill_id = ? AND s.study_instance_uid = c.mr_study_instance_uid AND ${TAKEN})`;
  return decideAnew(trx, isOfIt, backfillId);
}

async function decideAnew(trx: Tx, which: string, value: Date | string): Promise<string[]> {
  const { rows } = await trx.raw(
    `UPDATE result SET mode = NULL, rule = NULL, why = NULL, sends = '[]', decided_at = NULL
       FROM report r JOIN "case" c ON c.id = r.case_id AND c.state = 'reported'
      WHERE r.id = result.report_id AND result.sends = '[]' AND ${which}
        AND r.revision = (SELECT max(revision) FROM report WHERE case_id = c.id AND revision <= c.revision)
      RETURNING c.id`,
    [value],
  );
  const ids = (rows as { id: string }[]).map(({ id }) => id);
  await trx('case')
    .whereIn('id', ids)
    .andWhere({ owner: null })
    .update({ nextAttemptAt: trx.raw('clock_timestamp()'), waitingFor: null });
  return ids;
}

/** Where each report of a case goes, and why. */
export interface CaseRoute extends Route {
  readonly reportId: string;
}

export function listRoutes(tx: Tx, caseId: string): Promise<CaseRoute[]> {
  return tx('result')
    .join('report', 'report.id', 'result.reportId')
    .where({ caseId })
    .whereNotNull('mode')
    .orderBy('revision', 'desc')
    .select('reportId', 'mode', 'rule', 'urgency', 'sends', 'why');
}

function columnsOf(tx: Tx, { mode, rule, urgency, sends, why }: Route) {
  return { mode, rule, urgency, sends: json(sends), why, decidedAt: tx.raw('clock_timestamp()') };
}
