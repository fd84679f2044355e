import { type Destination, formsOf, isDicomForm } from '../../config/destinations.js';
import { appendAudit } from '../../db/tables/audit.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { findLatestReport, type ReportRow } from '../../db/tables/reports.js';
import { findResult, type Route, setRoute } from '../../db/tables/results.js';
import type { StepEnd } from '../../db/work/runStep.js';
import { deliverReport } from '../deliver/deliver.js';
import { CalcidiscError } from '../domain/errors.js';
import { inputFrom, type StoredInput } from '../report/stored.js';
import { waitForIdentity } from './identity.js';
import { routeDetail, routeForCase } from './route.js';
import type { AgentStep, StepContext } from './types.js';

/** Of a report of an older version, about which nothing was decided: a destination configured later gets it. */
const NOWHERE_AGAIN_MS = 60_000;
const NOWHERE = 'a destination: none is configured (route.destinations), the report is kept';

/** reported -> delivered: only when everybody who is to have it has said that they hold it. Silent ends at reported. */
export const deliverStep: AgentStep = async (context, row) => {
  const { config, database } = context;
  const report = await findLatestReport(database.knex, row.id, row.revision);
  const route = report && (await routeOfReport(context, row, report));
  const rests = route && restingOf(route, config.route.destinations);
  if (rests) return rests;
  if (!route && !config.route.destinations.some(takesDicom))
    return { postponeMs: NOWHERE_AGAIN_MS, waitingFor: NOWHERE };
  const wait = await waitForIdentity(context, row);
  if (wait) return wait;
  const delivered = await deliverReport({ ...context, case: row });
  if (delivered === 'delivered') {
    const names = config.route.destinations.map(({ name }) => name);
    const destinations = route ? route.sends.map(({ destination }) => destination) : names;
    return { to: 'delivered', auditDetail: { destinations } };
  }
  if ('retryAt' in delivered) {
    const postponeMs = Math.max(1, delivered.retryAt.getTime() - Date.now());
    return { postponeMs, waitingFor: 'a destination that does not have the report yet: see its deliveries' };
  }
  throw new CalcidiscError('DESTINATION_REFUSED', delivered.parked, { caseId: row.id });
};

/** As it was decided with the report; decided now, for what was silent and is to be sent. */
async function routeOfReport(
  context: StepContext,
  row: CaseRow,
  { id, sopInstanceUid }: ReportRow,
): Promise<Route | null> {
  const { database } = context;
  const { id: caseId, revision } = row;
  const result = await findResult(database.knex, id);
  if (!result || result.route) return result?.route ?? null;
  const route = await routeForCase(context, row, inputFrom(result.input as StoredInput));
  await database.knex.transaction(async (trx) => {
    await setRoute(trx, id, route);
    const destinations = route.sends.map(({ destination }) => destination);
    await appendAudit(trx, {
      event: 'RESULT_ROUTED',
      subjectType: 'report',
      subjectId: sopInstanceUid,
      detail: { caseId, revision, destinations, ...routeDetail(route) },
    });
  });
  return route;
}

/** Nobody is to have it, or nobody of them is configured any more: it stays here until a person says otherwise. */
function restingOf({ sends, why }: Route, destinations: readonly Destination[]): StepEnd | null {
  const names = new Set(destinations.map(({ name }) => name));
  if (sends.some(({ destination }) => names.has(destination))) return null;
  const gone = sends.map(({ destination }) => destination).join(', ');
  const reason = sends.length === 0 ? why : `${gone}, which it was to go to, is no longer configured`;
  return { postponeMs: null, waitingFor: `nothing: ${reason ?? 'nobody is to have it'}; the report is kept` };
}

function takesDicom(destination: Destination): boolean {
  return formsOf(destination).some(isDicomForm);
}
