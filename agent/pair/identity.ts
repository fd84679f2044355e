import type { Tx } from '../../db/server/knex.js';
import { type CaseRow, findCaseOfStudy, lockCase, reviseCase } from '../../db/tables/cases.js';
import { type IdentityDecisionRow, listIdentityDecisions } from '../../db/tables/identityDecisions.js';
import { listSeriesOfStudy, type SeriesRow } from '../../db/tables/series.js';
import { type CarriedIdentity, listIdentities } from '../../db/tables/studyIdentities.js';
import { CalcidiscError } from '../domain/errors.js';
import { isOnePerson } from '../domain/identity.js';

/** Why it cannot be said whose a study is. */
export interface IdentityDoubt {
  /** More of the study is on its way, and may settle it. */
  readonly isArriving: boolean;
  readonly error: CalcidiscError;
}

/** @returns null when all images of the study name one patient, or a person has said so, or released it */
export async function identityDoubt(tx: Tx, studyInstanceUid: string): Promise<IdentityDoubt | null> {
  const carried = await listIdentities(tx, studyInstanceUid);
  if (isOnePerson(carried) || (await isSettled(tx, studyInstanceUid, carried))) return null;
  const series = await listSeriesOfStudy(tx, studyInstanceUid);
  return {
    isArriving: series.some(({ state }) => state === 'receiving'),
    error: new CalcidiscError('IDENTITY_DIFFERS', inWords(carried), { studyInstanceUid }),
  };
}

async function isSettled(
  tx: Tx,
  studyInstanceUid: string,
  carried: readonly CarriedIdentity[],
): Promise<boolean> {
  const decisions = await listIdentityDecisions(tx, studyInstanceUid);
  const own = decisions.find(({ otherStudyInstanceUid }) => otherStudyInstanceUid === studyInstanceUid);
  return own !== undefined && own.verdict !== 'different' && isAbout(own, carried);
}

/** A way to name the patient that came after the decision is a new doubt. */
export function isAbout(
  { identityIds }: Pick<IdentityDecisionRow, 'identityIds'>,
  carried: readonly Pick<CarriedIdentity, 'id'>[],
): boolean {
  return carried.every(({ id }) => identityIds.includes(id));
}

/** Counts only: the identifiers stand on the page, not in the log. */
function inWords(carried: readonly CarriedIdentity[]): string {
  const counts = carried.map(({ instances }) => instances).join(' and ');
  return (
    `images of this study name ${carried.length} patients (${counts} images): ` +
    'have the whole study sent again under the right one, or decide (calcidisc case ID --same-patient)'
  );
}

/**
 * A series that is complete may have made its study contradictory, or settled it: the study's case is held, or goes on
 * under the identity that all images carry now.
 * @returns the case to wake
 */
export async function reconsiderIdentity(
  trx: Tx,
  { studyInstanceUid }: Pick<SeriesRow, 'studyInstanceUid'>,
): Promise<readonly CaseRow[]> {
  const known = await findCaseOfStudy(trx, studyInstanceUid);
  if (!known) return [];
  const doubt = await identityDoubt(trx, studyInstanceUid);
  const { id, state, lastErrorCode } = (await lockCase(trx, known.id))!;
  const isHeld = state === 'parked' && lastErrorCode === 'IDENTITY_DIFFERS';
  const isConcerned = doubt ? !isHeld && state !== 'received' && state !== 'closed' : isHeld;
  if (!isConcerned) return [];
  const reason = doubt
    ? 'images of the study that came later name another patient'
    : 'all images of the study name one patient again';
  const revised = await reviseCase(trx, { id, reason });
  return revised ? [revised] : [];
}
