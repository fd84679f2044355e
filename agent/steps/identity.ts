import type { CaseRow } from '../../db/tables/cases.js';
import type { StepEnd } from '../../db/work/runStep.js';
import { identityDoubt } from '../pair/identity.js';
import type { StepContext } from './types.js';

const ARRIVING_AGAIN_MS = 2_000;

/**
 * No step goes on under an identity that the study's own images contradict: what is still arriving is waited for,
 * and then a person decides.
 * @returns null when there is no doubt
 * @throws CalcidiscError IDENTITY_DIFFERS, which parks the case
 */
export async function waitForIdentity(
  { database }: Pick<StepContext, 'database'>,
  row: CaseRow,
): Promise<StepEnd | null> {
  const doubt = await identityDoubt(database.knex, row.mrStudyInstanceUid);
  if (!doubt) return null;
  if (doubt.isArriving)
    return { postponeMs: ARRIVING_AGAIN_MS, waitingFor: 'the rest of the study, which names two patients' };
  throw doubt.error;
}
