import type { Tx } from '../server/knex.js';
import { HOLDER } from './instances.js';
import type { StudyRow } from './studies.js';

export type CompleteReason = 'counted' | 'released-stack' | 'quiet';
export type SeriesRole = 'undecided' | 'mr' | 'ct' | 'check' | 'ignored';

export interface SeriesRow {
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly modality: string;
  readonly seriesNumber: number | null;
  readonly seriesDescription: string;
  readonly protocolName: string;
  readonly bodyPartExamined: string;
  /** 'YYYY-MM-DD' */
  readonly acquisitionDate: string | null;
  readonly frameOfReferenceUid: string | null;
  /** What the routing rules see. */
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly state: 'receiving' | 'complete';
  readonly completeReason: CompleteReason | null;
  readonly completedAt: Date | null;
  readonly role: SeriesRole;
  readonly roleReason: string;
  readonly expectedInstances: number | null;
  /** A digest of its objects, lower-case hexadecimal SHA-256; null while it is being received. */
  readonly contentSha256: string | null;
  /** Whose agent reads it (spool_store); null: anybody, as before that was kept. */
  readonly holder: number | null;
  readonly reopened: number;
  /** Why it was reopened last, in words for the case's next revision; '' for images that came late. */
  readonly reopenReason: string;
  /** What was still missing, by the headers, when silence completed it; '' when nothing was. */
  readonly missing: string;
  readonly firstReceivedAt: Date;
  readonly lastReceivedAt: Date;
}

export type NewSeries = Pick<SeriesRow, 'seriesInstanceUid' | 'studyInstanceUid' | 'modality'> &
  Partial<
    Pick<
      SeriesRow,
      | 'seriesNumber'
      | 'seriesDescription'
      | 'protocolName'
      | 'bodyPartExamined'
      | 'acquisitionDate'
      | 'frameOfReferenceUid'
      | 'attributes'
    >
  >;

export async function ensureSeries(
  tx: Tx,
  series: NewSeries,
): Promise<{ series: SeriesRow; created: boolean }> {
  const [row] = await tx('series').insert(series).onConflict('seriesInstanceUid').ignore().returning('*');
  if (row) return { series: row, created: true };
  return { series: (await findSeries(tx, series.seriesInstanceUid))!, created: false };
}

export async function findSeries(tx: Tx, seriesInstanceUid: string): Promise<SeriesRow | null> {
  return (await tx('series').where({ seriesInstanceUid }).first('*')) ?? null;
}

export function listSeries(tx: Tx, seriesInstanceUids: readonly string[]): Promise<SeriesRow[]> {
  return tx('series')
    .whereIn('seriesInstanceUid', [...seriesInstanceUids])
    .select('*');
}

/** The series' row, held until the transaction ends: images of one series are counted one after another. */
export async function lockSeries(trx: Tx, seriesInstanceUid: string): Promise<SeriesRow | null> {
  return (await trx('series').where({ seriesInstanceUid }).forUpdate().first('*')) ?? null;
}

/** A new image has come: the quiet period begins afresh. */
export async function touchSeries(tx: Tx, seriesInstanceUid: string, at: Date): Promise<void> {
  await tx('series')
    .where({ seriesInstanceUid })
    .update({ lastReceivedAt: tx.raw('greatest(last_received_at, ?::timestamptz)', [at]) });
}

export type SeriesChange = Partial<
  Pick<
    SeriesRow,
    | 'role'
    | 'roleReason'
    | 'expectedInstances'
    | 'attributes'
    | 'seriesDescription'
    | 'protocolName'
    | 'bodyPartExamined'
    | 'acquisitionDate'
    | 'frameOfReferenceUid'
  >
>;

export async function updateSeries(tx: Tx, seriesInstanceUid: string, change: SeriesChange): Promise<void> {
  await tx('series').where({ seriesInstanceUid }).update(change);
}

/** Of what it consists of: the same objects give the same digest, whatever the order of their arrival. */
const CONTENT_SHA256 = `(
  SELECT encode(sha256(convert_to(coalesce(string_agg(sop_instance_uid || ' ' || dataset_sha256, E'\\n'
           ORDER BY sop_instance_uid), ''), 'UTF8')), 'hex')
    FROM instance i WHERE i.series_instance_uid = series.series_instance_uid)`;

/** @returns the row, or null when it was complete already */
export async function completeSeries(
  tx: Tx,
  seriesInstanceUid: string,
  completeReason: CompleteReason,
  missing = '',
): Promise<SeriesRow | null> {
  const [row] = await tx('series')
    .where({ seriesInstanceUid, state: 'receiving' })
    .update({
      state: 'complete',
      completeReason,
      missing,
      completedAt: tx.raw('clock_timestamp()'),
      contentSha256: tx.raw(CONTENT_SHA256),
      holder: tx.raw(HOLDER),
    })
    .returning('*');
  return row ?? null;
}

/**
 * A late image, or one with another header.
 * @param reopenReason in words; '' for a late image
 * @returns the row, or null when it was not complete
 */
export async function reopenSeries(
  tx: Tx,
  seriesInstanceUid: string,
  reopenReason = '',
): Promise<SeriesRow | null> {
  const [row] = await tx('series')
    .where({ seriesInstanceUid, state: 'complete' })
    .update({
      state: 'receiving',
      completeReason: null,
      completedAt: null,
      contentSha256: null,
      reopened: tx.raw('reopened + 1'),
      reopenReason,
    })
    .returning('*');
  return row ?? null;
}

/** Series that are not complete, the longest silent first. */
export function listReceivingSeries(tx: Tx, limit = 1000): Promise<SeriesRow[]> {
  return tx('series').where({ state: 'receiving' }).orderBy('lastReceivedAt').limit(limit).select('*');
}

/** Of those the ones that this store's agent judges: images of it came here, or to nobody who is there. */
export function listReceivingHere(tx: Tx, store: number | null, limit = 1000): Promise<SeriesRow[]> {
  return tx('series as s')
    .where({ state: 'receiving' })
    .whereRaw(
      `(EXISTS (SELECT FROM instance i WHERE i.series_instance_uid = s.series_instance_uid
                 AND (i.store IS NULL OR i.store = ?))
        OR NOT EXISTS (SELECT FROM instance i WHERE i.series_instance_uid = s.series_instance_uid
                        AND i.store <> ? AND store_is_open(i.store)))`,
      [store, store],
    )
    .orderBy('lastReceivedAt')
    .limit(limit)
    .select('*');
}

export function listSeriesOfStudy(tx: Tx, studyInstanceUid: string): Promise<SeriesRow[]> {
  return tx('series').where({ studyInstanceUid }).orderBy('seriesNumber').select('*');
}

export type Patient = Pick<StudyRow, 'patientId' | 'issuerOfPatientId'>;

/** A patient's series in one role: the CTs an MR may be paired with, or the MRs a new CT concerns. */
export function listSeriesOfPatient(
  tx: Tx,
  { patientId, issuerOfPatientId }: Patient,
  role: SeriesRole,
): Promise<SeriesRow[]> {
  return tx('series')
    .join('study', 'study.studyInstanceUid', 'series.studyInstanceUid')
    .where({
      'study.patientId': patientId,
      'study.issuerOfPatientId': issuerOfPatientId,
      'series.role': role,
    })
    .orderBy('series.acquisitionDate')
    .orderBy('series.seriesInstanceUid')
    .select('series.*');
}
