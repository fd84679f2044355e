import type { Tx } from '../../db/server/knex.js';
import { type IdentityDecisionRow, listIdentityDecisions } from '../../db/tables/identityDecisions.js';
import { listReadings, type ReadingFacts } from '../../db/tables/readings.js';
import { findSeries } from '../../db/tables/series.js';
import { findStudy } from '../../db/tables/studies.js';
import { listIdentities } from '../../db/tables/studyIdentities.js';
import { listPairingCandidates, type PairingCandidateRow } from '../../db/views/pairingCandidates.js';
import { isOnePerson } from '../domain/identity.js';
import { ctReadingOf, type Reader } from '../read/reader.js';
import { isAbout } from './identity.js';
import { type CtCandidate, decidePairing, type MrSeries, type PairingDecision } from './window.js';

export interface PairingFor {
  readonly mr: MrSeries;
  readonly decision: PairingDecision;
  /** What was found in the CT that is chosen; null without one. */
  readonly ctReadingId: string | null;
  /** Complete, within the window, and nobody has been asked to read them. */
  readonly unread: readonly string[];
}

export interface PairingContext {
  readonly reader: Reader;
  readonly windowDays: number;
}

/** Weighs every CT of the MR's patient that the index knows at this moment. */
export async function pairSeries(
  tx: Tx,
  mrSeriesInstanceUid: string,
  { reader, windowDays }: PairingContext,
): Promise<PairingFor> {
  const series = (await findSeries(tx, mrSeriesInstanceUid))!;
  const study = (await findStudy(tx, series.studyInstanceUid))!;
  const mr: MrSeries = { ...study, acquisitionDate: series.acquisitionDate };
  const rows = study.patientId === '' ? [] : await listPairingCandidates(tx, study.patientId, 'ct');
  const decisions = await listIdentityDecisions(tx, study.studyInstanceUid);
  const uids = rows.map(({ seriesInstanceUid }) => seriesInstanceUid);
  const readings = new Map(
    (await listReadings(tx, uids, reader.sha256)).map((read) => [read.seriesInstanceUid, read]),
  );
  const candidates = await Promise.all(
    rows.map((ct) => toCandidate(tx, ct, readings.get(ct.seriesInstanceUid), decisions)),
  );
  const decision = decidePairing(mr, candidates, windowDays);
  const chosen = decision.wait ? null : decision.ctSeriesInstanceUid;
  return {
    mr,
    decision,
    ctReadingId: (chosen && readings.get(chosen)?.id) ?? null,
    unread: rows.flatMap(({ state, seriesInstanceUid }, i) => {
      const isAsked = state !== 'complete' || readings.has(seriesInstanceUid);
      return !isAsked && decidePairing(mr, [candidates[i]!], windowDays).wait ? [seriesInstanceUid] : [];
    }),
  };
}

async function toCandidate(
  tx: Tx,
  row: PairingCandidateRow,
  read: ReadingFacts | undefined,
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
    // Until it has been read nobody knows whether it serves.
    reading: read ? ctReadingOf(read) : null,
  };
}
