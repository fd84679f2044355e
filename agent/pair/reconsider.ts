import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import {
  type CaseRow,
  createCase,
  findCaseOfStudy,
  lockCase,
  moveCase,
  reviseCase,
  setCase,
} from '../../db/tables/cases.js';
import { countInstances } from '../../db/tables/instances.js';
import { findPairing, listCasesPairedWith } from '../../db/tables/pairings.js';
import type { ReadingRow } from '../../db/tables/readings.js';
import { findSeries, listSeriesOfStudy, type SeriesRow } from '../../db/tables/series.js';
import { findStudy } from '../../db/tables/studies.js';
import { backfillKeeping, wasBackfilled } from '../../db/views/backfilled.js';
import { listPairingCandidates } from '../../db/views/pairingCandidates.js';
import { hastenStep } from '../../db/work/steps.js';
import { askForReadings } from '../read/gather.js';
import type { Reader } from '../read/reader.js';
import { reconsiderIdentity } from './identity.js';
import { pairSeries } from './pairing.js';

export interface ReconsiderContext {
  readonly reader: Reader;
  readonly windowDays: number;
}

/** What a series that has become complete means: it is to be read, and for its study's case. @returns those to wake */
export async function seriesComplete(
  trx: Tx,
  series: SeriesRow,
  { reader }: Pick<ReconsiderContext, 'reader'>,
): Promise<readonly CaseRow[]> {
  await askForReadings(trx, [series], reader);
  const held = await reconsiderIdentity(trx, series);
  if (series.role === 'mr') return [...held, ...(await mrComplete(trx, series))];
  if (series.role === 'check') return [...held, ...(await checkComplete(trx, series))];
  return [...held, ...(await movedAway(trx, series))];
}

/** What a series that has been read, or cannot be, means for the cases there are. @returns those to wake */
export async function seriesRead(
  trx: Tx,
  { seriesInstanceUid, modality }: Pick<ReadingRow, 'seriesInstanceUid' | 'modality'>,
  context: ReconsiderContext,
): Promise<readonly CaseRow[]> {
  const series = await findSeries(trx, seriesInstanceUid);
  if (!series) return [];
  if (modality === 'CT') return ctRead(trx, series, context);
  const row = await hastenCase(trx, series.studyInstanceUid);
  return row ? [row] : [];
}

/** A study with a complete MR is a case; what comes to one that was answered begins its next revision. */
export async function mrComplete(trx: Tx, series: SeriesRow): Promise<readonly CaseRow[]> {
  const { case: row, created } = await createCase(trx, {
    mrSeriesInstanceUid: series.seriesInstanceUid,
    mrStudyInstanceUid: series.studyInstanceUid,
  });
  if (created) return [row];
  const reason =
    series.reopened > 0
      ? series.reopenReason || 'images of the MR arrived after it had been read'
      : 'another series of the MR arrived after it had been read';
  return newsFor(trx, row, reason);
}

async function checkComplete(trx: Tx, series: SeriesRow): Promise<readonly CaseRow[]> {
  const row = await findCaseOfStudy(trx, series.studyInstanceUid);
  return row
    ? newsFor(trx, row, 'a series to compare the levels with arrived after the MR had been read')
    : [];
}

/** All images of the series came again in another one: its study's case goes on without it, or has nothing to read. */
async function movedAway(
  trx: Tx,
  { studyInstanceUid, seriesInstanceUid, roleReason }: SeriesRow,
): Promise<readonly CaseRow[]> {
  const row = await findCaseOfStudy(trx, studyInstanceUid);
  if (!row || (await countInstances(trx, seriesInstanceUid)) > 0) return [];
  const others = (await listSeriesOfStudy(trx, studyInstanceUid)).filter(({ role }) => role === 'mr');
  const next = await newsFor(trx, row, roleReason);
  const { id, state, revision } = (await lockCase(trx, row.id))!;
  if (others.length > 0 || state !== 'received') return next;
  await setCase(trx, id, { closedBecause: roleReason });
  await moveCase(trx, { id, revision, from: 'received', to: 'closed', auditDetail: { reason: roleReason } });
  return [];
}

/** A case that has not chosen yet takes the news in as it goes; any other begins again. */
async function newsFor(trx: Tx, { id }: CaseRow, reason: string): Promise<readonly CaseRow[]> {
  const row = (await lockCase(trx, id))!;
  const next = row.state === 'received' ? await hastenStep(trx, id) : await reviseCase(trx, { id, reason });
  return next ? [next] : [];
}

/** What the case of an MR study waits for may be there. @returns the case to wake, null when it waits for nothing */
export async function hastenCase(tx: Tx, mrStudyInstanceUid: string): Promise<CaseRow | null> {
  const row = await findCaseOfStudy(tx, mrStudyInstanceUid);
  return row?.state === 'received' ? hastenStep(tx, row.id) : null;
}

/**
 * A CT that has been read concerns every case of its patient: one that waits for it is woken; one that was paired
 * without it, or with it before it was whole, is answered again and its report amended. So is one that was paired
 * with it when it still named another patient.
 */
export async function ctRead(
  trx: Tx,
  series: SeriesRow,
  context: ReconsiderContext,
): Promise<readonly CaseRow[]> {
  const study = await findStudy(trx, series.studyInstanceUid);
  if (!study) return [];
  const ids = new Set(await listCasesPairedWith(trx, series.seriesInstanceUid));
  const mrs = study.patientId === '' ? [] : await listPairingCandidates(trx, study.patientId, 'mr');
  for (const studyInstanceUid of new Set(mrs.map((mr) => mr.studyInstanceUid))) {
    const row = await findCaseOfStudy(trx, studyInstanceUid);
    if (row) ids.add(row.id);
  }
  const rows: CaseRow[] = [];
  // All of them locked before the first is revised: a pairing that is being written is waited for, or waits.
  for (const id of [...ids].toSorted()) {
    const locked = await lockCase(trx, id);
    if (locked && locked.joinedInto === null && locked.state !== 'closed') rows.push(locked);
  }
  const wake: CaseRow[] = [];
  for (const row of rows) {
    const concerned = await reconsider(trx, row, series, context);
    if (concerned) wake.push(concerned);
  }
  return wake;
}

/** A CT that a backfill brought amends no report that went out: a backfill sends nothing. It stands on the trail. */
async function isLeftAlone(
  trx: Tx,
  { id, revision, mrStudyInstanceUid }: CaseRow,
  { seriesInstanceUid }: SeriesRow,
): Promise<boolean> {
  if (!(await wasBackfilled(trx, seriesInstanceUid))) return false;
  if (await backfillKeeping(trx, mrStudyInstanceUid)) return false;
  const reason = 'a CT that a backfill brought amends no report';
  await appendAudit(trx, {
    event: 'REPORT_UNCHANGED',
    subjectType: 'case',
    subjectId: id,
    detail: { revision, reason, ctSeriesInstanceUid: seriesInstanceUid },
  });
  return true;
}

async function reconsider(
  trx: Tx,
  row: CaseRow,
  ct: SeriesRow,
  context: ReconsiderContext,
): Promise<CaseRow | null> {
  if (row.state === 'received') return hastenStep(trx, row.id);
  const { decision, ctReadingId } = await pairSeries(trx, row.mrSeriesInstanceUid, context);
  const before = await findPairing(trx, row.id, row.revision);
  const isSame = before?.ctSeriesInstanceUid === ct.seriesInstanceUid;
  if (decision.wait || decision.ctSeriesInstanceUid !== ct.seriesInstanceUid) {
    if (!isSame) return null;
    return reviseCase(trx, { id: row.id, reason: 'the CT it was measured against is not its CT any more' });
  }
  if (isSame && before.ctReadingId === ctReadingId) return null;
  if (!isSame && (await isLeftAlone(trx, row, ct))) return null;
  const reason = isSame
    ? 'images of the CT arrived after it had been measured'
    : 'a CT within the window arrived';
  return reviseCase(trx, { id: row.id, reason });
}
