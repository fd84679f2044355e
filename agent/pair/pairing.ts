import type { Tx } from '../../db/server/knex.js';
import { type IdentityDecisionRow, listIdentityDecisions } from '../../db/tables/identityDecisions.js';
import { findSeries } from '../../db/tables/series.js';
import { findStudy } from '../../db/tables/studies.js';
import { listIdentities } from '../../db/tables/studyIdentities.js';
import { listPairingCandidates, type PairingCandidateRow } from '../../db/views/pairingCandidates.js';
import { isOnePerson } from '../domain/identity.js';
import { isAbout } from './identity.js';
import { type CtCandidate, decidePairing, type MrSeries, type PairingDecision } from './window.js';

export interface PairingFor {
  readonly mr: MrSeries;
  readonly decision: PairingDecision;
}

/** Weighs every CT of the MR's patient that the index knows at this moment. */
export async function pairSeries(
  tx: Tx,
  mrSeriesInstanceUid: string,
  windowDays: number,
): Promise<PairingFor> {
  const series = (await findSeries(tx, mrSeriesInstanceUid))!;
  const study = (await findStudy(tx, series.studyInstanceUid))!;
  const mr: MrSeries = { ...study, acquisitionDate: series.acquisitionDate };
  const rows = study.patientId === '' ? [] : await listPairingCandidates(tx, study.patientId, 'ct');
  const decisions = await listIdentityDecisions(tx, study.studyInstanceUid);
  const candidates = await Promise.all(rows.map((ct) => toCandidate(tx, ct, decisions)));
  return { mr, decision: decidePairing(mr, candidates, windowDays) };
}

async function toCandidate(
  tx: Tx,
  row: PairingCandidateRow,
  decisions: readonly IdentityDecisionRow[],
): Promise<CtCandidate> {
  const decision = decisions.find(
    ({ otherStudyInstanceUid }) => otherStudyInstanceUid === row.studyInstanceUid,
  );
  const needsIdentities = row.identityCount > 1 || decision !== undefined;
  const carried = needsIdentities ? await listIdentities(tx, row.studyInstanceUid) : [];
  return {
    ...row,
    isContradictory: row.identityCount > 1 && !isOnePerson(carried),
    decided: decision && isAbout(decision, carried) ? decision.verdict : null,
    receiving: row.state === 'receiving',
  };
}
