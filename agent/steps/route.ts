import type { CaseRow } from '../../db/tables/cases.js';
import { sourceOf } from '../../db/tables/instances.js';
import type { Route } from '../../db/tables/results.js';
import { backfillKeeping } from '../../db/views/backfilled.js';
import { decideRoute } from '../deliver/route.js';
import type { ReportInput } from '../report/types.js';
import type { StepContext } from './types.js';

/** Where a case's result goes: nowhere when a backfill brought its study, else by the rules of now. */
export async function routeForCase(
  { config, database: { knex }, log }: Pick<StepContext, 'config' | 'database' | 'log'>,
  { mrSeriesInstanceUid, mrStudyInstanceUid }: CaseRow,
  input: ReportInput,
): Promise<Route> {
  const backfill = await backfillKeeping(knex, mrStudyInstanceUid);
  if (backfill) {
    const why = `the backfill ${backfill.slice(0, 8)} read it, and sends nothing`;
    return { mode: 'silent', rule: null, urgency: 'routine', sends: [], why };
  }
  return decideRoute(config, input, await sourceOf(knex, mrSeriesInstanceUid), log);
}

/** For the trail: by what it was decided where it goes. */
export function routeDetail({ mode, rule, urgency, why }: Route): Readonly<Record<string, unknown>> {
  return { mode, ...(rule ? { rule, urgency } : {}), ...(why ? { why } : {}) };
}
