import { lockCase } from '../../db/tables/cases.js';
import { insertPairing } from '../../db/tables/pairings.js';
import { isCtBeingFetched } from '../../db/tables/priorFetches.js';
import { DecidedOtherwise } from '../../db/work/runStep.js';
import { pairSeries } from '../pair/pairing.js';
import type { PairingDecision } from '../pair/window.js';
import { waitForIdentity } from './identity.js';
import type { AgentStep } from './types.js';

/** How long a pairing waits before it looks again at a CT that is still arriving; its completion wakes it sooner. */
const ARRIVING_AGAIN_MS = 2_000;
/** The same for a CT that is being fetched; the end of the fetch, and of its arrival, wakes it sooner. */
const FETCHING_AGAIN_MS = 2_000;

/** received -> paired: the CT within the window, or why there is none. */
export const pairStep: AgentStep = async (context, row) => {
  const { config, database } = context;
  const wait = await waitForIdentity(context, row);
  if (wait) return wait;
  const { windowDays } = config.pair;
  const { mr, decision } = await pairSeries(database.knex, row.mrSeriesInstanceUid, windowDays);
  if (decision.wait) return { postponeMs: ARRIVING_AGAIN_MS };
  if (await isCtBeingFetched(database.knex, mr.patientId, config.query.priors.caseWaitMs))
    return { postponeMs: FETCHING_AGAIN_MS };
  const { outcome, ctSeriesInstanceUid, ctAcquisitionDate, intervalDays, candidates } = decision;
  return {
    to: 'paired',
    auditDetail: { outcome, ctSeriesInstanceUid, intervalDays },
    save: async (trx) => {
      // Under the case's lock, which a CT that becomes complete takes too (reconsider.ts): whichever comes second
      // sees the other, so that no CT falls between the decision and its writing.
      await lockCase(trx, row.id);
      const again = await pairSeries(trx, row.mrSeriesInstanceUid, windowDays);
      if (!isSame(again.decision, decision)) throw new DecidedOtherwise();
      await insertPairing(trx, {
        caseId: row.id,
        revision: row.revision,
        ctSeriesInstanceUid,
        mrAcquisitionDate: mr.acquisitionDate,
        ctAcquisitionDate,
        intervalDays,
        outcome,
        candidates,
      });
    },
  };
};

function isSame(a: PairingDecision, b: PairingDecision): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
