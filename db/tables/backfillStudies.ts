import { randomUUID } from 'node:crypto';
import type { CalcidiscError } from '../../agent/domain/errors.js';
import type { Tx } from '../server/knex.js';
import { processOwner } from '../server/presence.js';
import { postponed, released } from './claims.js';
import type { PriorSeriesRow } from './priorFetches.js';

export type BackfillStudyState = 'due' | 'fetching' | 'reading' | 'done' | 'left-out' | 'failed';

/** Why a study was left out, or has failed, by kind: words for people. */
export const BACKFILL_REASONS = {
  'here-already': 'it was here before the backfill',
  'another-backfill': 'another backfill has it under way',
  'no-mr': 'the source has no MR series of it',
  'other-part': 'its series name another part of the body',
  'not-read': 'none of its series is one to be read (route.mr)',
  'not-sent': 'the source did not send it',
  'not-finished': 'it was sent, and its case did not come to rest within a day',
} as const satisfies Record<string, string>;

export type BackfillReason = keyof typeof BACKFILL_REASONS;

export interface BackfillStudyRow {
  readonly id: string;
  readonly backfillId: string;
  readonly studyInstanceUid: string;
  /** 'YYYY-MM-DD' */
  readonly studyDate: string | null;
  readonly studyDescription: string;
  readonly patientId: string;
  readonly issuerOfPatientId: string;
  readonly state: BackfillStudyState;
  readonly reasonCode: BackfillReason | null;
  readonly reason: string | null;
  readonly attempts: number;
  readonly lastErrorCode: string | null;
  readonly lastError: string | null;
  /** When it was first sent for; null before. */
  readonly firstTriedAt: Date | null;
  readonly fetchedAt: Date | null;
  readonly endedAt: Date | null;
}

export type FoundStudy = Pick<
  BackfillStudyRow,
  'studyInstanceUid' | 'studyDate' | 'studyDescription' | 'patientId' | 'issuerOfPatientId'
>;

/** Found a second time is found once. */
export async function insertFoundStudies(
  trx: Tx,
  backfillId: string,
  found: readonly FoundStudy[],
): Promise<void> {
  if (found.length === 0) return;
  await trx('backfillStudy')
    .insert(found.map((study) => ({ id: randomUUID(), backfillId, ...study })))
    .onConflict(['backfillId', 'studyInstanceUid'])
    .ignore();
}

/** Takes the oldest study that is due, or whose process is gone, of a backfill that has not been stopped. */
export async function claimBackfillStudy(
  tx: Tx,
  running: readonly string[],
): Promise<BackfillStudyRow | null> {
  const { rows } = await tx.raw(
    `UPDATE backfill_study SET state = 'fetching', attempts = attempts + 1, owner = ?,
            first_tried_at = coalesce(first_tried_at, clock_timestamp())
      WHERE id = (
        SELECT s.id FROM backfill_study s JOIN backfill b ON b.id = s.backfill_id AND b.state IN ('searching', 'reading')
         WHERE (s.state = 'due' AND s.next_attempt_at <= clock_timestamp())
            OR (s.state = 'fetching' AND (NOT process_is_alive(s.owner) OR (s.owner = ? AND s.id <> ALL (?::uuid[]))))
         ORDER BY s.state DESC, s.study_date, s.study_instance_uid LIMIT 1 FOR UPDATE OF s SKIP LOCKED)
      RETURNING *`,
    [processOwner, processOwner, [...running]],
  );
  return rows[0] ?? null;
}

export type PlannedImages = Pick<
  PriorSeriesRow,
  'seriesInstanceUid' | 'studyInstanceUid' | 'expectedInstances' | 'state'
> & { readonly modality: 'MR' | 'CT' };

/** What the source has, and what of it is to come; written before the first of it is sent for. */
export async function planBackfillStudy(
  trx: Tx,
  id: string,
  series: readonly PlannedImages[],
): Promise<void> {
  if (series.length === 0) return;
  await trx('backfillSeries')
    .insert(series.map((each) => ({ backfillStudyId: id, ...each })))
    .onConflict(['backfillStudyId', 'seriesInstanceUid'])
    .merge(['expectedInstances', 'state']);
}

export function listBackfillSeries(
  tx: Tx,
  backfillStudyId: string,
): Promise<(PlannedImages & Pick<PriorSeriesRow, 'completed' | 'failures' | 'status'>)[]> {
  return tx('backfillSeries').where({ backfillStudyId }).orderBy('seriesInstanceUid').select('*');
}

export async function recordBackfillMove(
  tx: Tx,
  backfillStudyId: string,
  seriesInstanceUid: string,
  moved: Pick<PriorSeriesRow, 'state' | 'completed' | 'failures' | 'status'>,
): Promise<void> {
  await tx('backfillSeries').where({ backfillStudyId, seriesInstanceUid }).update(moved);
}

/** Everything of it was sent for. @returns false when it is not ours any more */
export async function studyFetched(trx: Tx, id: string): Promise<boolean> {
  const count = await trx('backfillStudy')
    .where({ id, state: 'fetching', owner: processOwner })
    .update({
      state: 'reading',
      owner: null,
      lastErrorCode: null,
      lastError: null,
      fetchedAt: trx.raw('clock_timestamp()'),
    });
  return count > 0;
}

export interface StudyEnd {
  readonly state: 'left-out' | 'failed';
  readonly reasonCode: BackfillReason;
  readonly reason: string;
}

/** @returns false when it is not ours any more */
export async function endBackfillStudy(trx: Tx, id: string, end: StudyEnd): Promise<boolean> {
  const count = await trx('backfillStudy')
    .where({ id, state: 'fetching', owner: processOwner })
    .update({ ...end, owner: null, endedAt: trx.raw('clock_timestamp()') });
  return count > 0;
}

/** Tried again after `delayMs`. */
export async function postponeBackfillStudy(
  tx: Tx,
  id: string,
  error: CalcidiscError,
  delayMs: number,
): Promise<void> {
  await tx('backfillStudy')
    .where({ id, owner: processOwner })
    .update(postponed(tx, error, delayMs));
}

/** The process stops: whoever comes next takes the study up at once, and this attempt does not count. */
export async function releaseBackfillStudy(tx: Tx, id: string): Promise<void> {
  await tx('backfillStudy').where({ id, owner: processOwner }).update(released(tx));
}

/** How many studies of a backfill are how far. */
export async function countBackfillStudies(
  tx: Tx,
  backfillId: string,
): Promise<{ state: BackfillStudyState; reasonCode: BackfillReason | null; studies: number }[]> {
  return tx('backfillStudy')
    .where({ backfillId })
    .groupBy('state', 'reasonCode')
    .orderBy(['state', 'reasonCode'])
    .select('state', 'reasonCode', tx.raw('count(*)::integer AS studies'));
}

export function listBackfillStudies(tx: Tx, backfillId: string): Promise<BackfillStudyRow[]> {
  return tx('backfillStudy').where({ backfillId }).orderBy(['studyDate', 'studyInstanceUid']).select('*');
}

/** Whether another backfill is at a study now. */
export async function isElsewhere(tx: Tx, { id, studyInstanceUid }: BackfillStudyRow): Promise<boolean> {
  const row = await tx('backfillStudy')
    .where({ studyInstanceUid })
    .whereNot({ id })
    .whereIn('state', ['fetching', 'reading'])
    .first('id');
  return row !== undefined;
}

/** Whether an earlier backfill has tried to have it sent in vain: what came of it then is no reason to leave it out. */
export async function failedBefore(tx: Tx, { id, studyInstanceUid }: BackfillStudyRow): Promise<boolean> {
  const row = await tx('backfillStudy')
    .where({ studyInstanceUid, state: 'failed' })
    .whereNot({ id })
    .first('id');
  return row !== undefined;
}

/** In SQL, of a row `s`: something of the study was sent for by the backfill, and it was not here before. */
export const TAKEN = `s.state IN ('fetching', 'reading', 'done', 'failed')
  AND EXISTS (SELECT FROM backfill_series x WHERE x.backfill_study_id = s.id AND x.study_instance_uid = s.study_instance_uid)`;

/** In SQL: whether a study was read by a backfill whose results nobody has let go. */
export const isKeptBack = (study: string): string =>
  `EXISTS (SELECT FROM backfill_study s JOIN backfill b ON b.id = s.backfill_id AND b.released_at IS NULL
            WHERE s.study_instance_uid = ${study} AND ${TAKEN})`;
