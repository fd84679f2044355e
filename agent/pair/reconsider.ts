import type { Tx } from '../../db/server/knex.js';
import { type CaseRow, createCase, findCaseOfSeries, lockCase, reviseCase } from '../../db/tables/cases.js';
import { findPairing, listCasesPairedWith } from '../../db/tables/pairings.js';
import type { SeriesRow } from '../../db/tables/series.js';
import { findStudy } from '../../db/tables/studies.js';
import { listPairingCandidates } from '../../db/views/pairingCandidates.js';
import { hastenStep } from '../../db/work/steps.js';
import { reconsiderIdentity } from './identity.js';
import { pairSeries } from './pairing.js';

/** What a series that has become complete means for the cases there are. @returns those to wake */
export async function seriesComplete(
  trx: Tx,
  series: SeriesRow,
  windowDays: number,
): Promise<readonly CaseRow[]> {
  const others = await reconsiderIdentity(trx, series);
  if (series.role === 'mr') return [...others, ...(await mrComplete(trx, series))];
  if (series.role === 'ct') return [...others, ...(await ctComplete(trx, series, windowDays))];
  return others;
}

/** A complete MR is a case; one that came back complete after a late image is its next revision. */
export async function mrComplete(trx: Tx, series: SeriesRow): Promise<readonly CaseRow[]> {
  const { case: row, created } = await createCase(trx, {
    mrSeriesInstanceUid: series.seriesInstanceUid,
    mrStudyInstanceUid: series.studyInstanceUid,
  });
  if (created) return [row];
  const revised = await reviseCase(trx, {
    id: row.id,
    reason: series.reopenReason || 'images of the MR arrived after it had been read',
  });
  return revised ? [revised] : [];
}

/** What the case of an MR waits for may be there. @returns the case to wake, null when it waits for nothing */
export async function hastenCase(tx: Tx, mrSeriesInstanceUid: string): Promise<CaseRow | null> {
  const row = await findCaseOfSeries(tx, mrSeriesInstanceUid);
  return row?.state === 'received' ? hastenStep(tx, row.id) : null;
}

/**
 * A complete CT concerns every case of its patient: one that waits for it is woken; one that was paired without it,
 * or with it before it was whole, is read again and its report amended. So is one that was paired with it when it
 * still named another patient.
 */
export async function ctComplete(
  trx: Tx,
  series: SeriesRow,
  windowDays: number,
): Promise<readonly CaseRow[]> {
  const study = await findStudy(trx, series.studyInstanceUid);
  if (!study) return [];
  const ids = new Set(await listCasesPairedWith(trx, series.seriesInstanceUid));
  const mrs = study.patientId === '' ? [] : await listPairingCandidates(trx, study.patientId, 'mr');
  for (const mr of mrs) {
    const row = await findCaseOfSeries(trx, mr.seriesInstanceUid);
    if (row) ids.add(row.id);
  }
  const rows: CaseRow[] = [];
  // All of them locked before the first is revised: a pairing that is being written is waited for, or waits.
  for (const id of [...ids].toSorted()) {
    const locked = await lockCase(trx, id);
    if (locked) rows.push(locked);
  }
  const wake: CaseRow[] = [];
  for (const row of rows) {
    const concerned = await reconsider(trx, row, series, windowDays);
    if (concerned) wake.push(concerned);
  }
  return wake;
}

async function reconsider(trx: Tx, row: CaseRow, ct: SeriesRow, windowDays: number): Promise<CaseRow | null> {
  if (row.state === 'received') return hastenStep(trx, row.id);
  const { decision } = await pairSeries(trx, row.mrSeriesInstanceUid, windowDays);
  const before = await findPairing(trx, row.id, row.revision);
  const isSame = before?.ctSeriesInstanceUid === ct.seriesInstanceUid;
  if (decision.wait || decision.ctSeriesInstanceUid !== ct.seriesInstanceUid) {
    if (!isSame) return null;
    return reviseCase(trx, { id: row.id, reason: 'the CT it was measured against is not its CT any more' });
  }
  if (isSame && ct.reopened === 0) return null;
  const reason = isSame
    ? 'images of the CT arrived after it had been measured'
    : 'a CT within the window arrived';
  return reviseCase(trx, { id: row.id, reason });
}
