import type { Tx } from '../../db/server/knex.js';
import { type CaseRow, listCases, lockCase, reviseCase } from '../../db/tables/cases.js';
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
 * A series that is complete may have made its study contradictory, or settled it: the study's other cases are held,
 * or go on under the identity that all images carry now. The case of the series itself is its own revision.
 * @returns the cases to wake
 */
export async function reconsiderIdentity(trx: Tx, series: SeriesRow): Promise<readonly CaseRow[]> {
  const { studyInstanceUid, seriesInstanceUid } = series;
  const cases = (await listCases(trx, { mrStudyInstanceUid: studyInstanceUid })).filter(
    (row) => row.mrSeriesInstanceUid !== seriesInstanceUid,
  );
  if (cases.length === 0) return [];
  const doubt = await identityDoubt(trx, studyInstanceUid);
  const revised: CaseRow[] = [];
  for (const { id } of cases.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const row = (await lockCase(trx, id))!;
    const isHeld = row.state === 'parked' && row.lastErrorCode === 'IDENTITY_DIFFERS';
    const isConcerned = doubt ? !isHeld && row.state !== 'received' : isHeld;
    const reason = doubt
      ? 'images of the study that came later name another patient'
      : 'all images of the study name one patient again';
    const next = isConcerned && (await reviseCase(trx, { id, reason }));
    if (next) revised.push(next);
  }
  return revised;
}
