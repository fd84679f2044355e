import { deliverReport } from '../deliver/deliver.js';
import { CalcidiscError } from '../domain/errors.js';
import { waitForIdentity } from './identity.js';
import type { AgentStep } from './types.js';

/** With nowhere to send it a report is kept, never called delivered; a destination configured later gets it then. */
const NOWHERE_AGAIN_MS = 60_000;
const NOWHERE = 'a destination: none is configured (route.destinations), the report is kept';

/** reported -> delivered: only when every destination has said that it holds the report. */
export const deliverStep: AgentStep = async (context, row) => {
  if (context.config.route.destinations.length === 0)
    return { postponeMs: NOWHERE_AGAIN_MS, waitingFor: NOWHERE };
  const wait = await waitForIdentity(context, row);
  if (wait) return wait;
  const delivered = await deliverReport({ ...context, case: row });
  if (delivered === 'delivered') {
    const destinations = context.config.route.destinations.map(({ name }) => name);
    return { to: 'delivered', auditDetail: { destinations } };
  }
  if ('retryAt' in delivered) {
    const postponeMs = Math.max(1, delivered.retryAt.getTime() - Date.now());
    return { postponeMs, waitingFor: 'a destination that does not have the report yet: see its deliveries' };
  }
  throw new CalcidiscError('DESTINATION_REFUSED', delivered.parked, { caseId: row.id });
};
