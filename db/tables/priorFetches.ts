import { randomUUID } from 'node:crypto';
import type { CalcidiscError } from '../../agent/domain/errors.js';
import type { Tx } from '../server/knex.js';
import { processOwner } from '../server/presence.js';
import { postponed, released } from './claims.js';

export type WantedModality = 'CT' | 'MR';
export type PriorFetchState = 'due' | 'querying' | 'moving' | 'done' | 'failed';

/** Dates are 'YYYY-MM-DD'. */
export interface PriorFetchRow {
  readonly id: string;
  /** The series that asks. */
  readonly seriesInstanceUid: string;
  /** The source's name in the configuration. */
  readonly source: string;
  readonly patientId: string;
  readonly issuerOfPatientId: string;
  readonly wantedModality: WantedModality;
  readonly anchorDate: string;
  readonly dateFrom: string;
  readonly dateTo: string;
  readonly state: PriorFetchState;
  readonly reason: string;
  readonly attempts: number;
  readonly nextAttemptAt: Date;
  readonly owner: number | null;
  readonly lastErrorCode: string | null;
  readonly lastError: string | null;
  readonly studiesFound: number;
  readonly seriesWanted: number;
  readonly seriesSkipped: number;
  readonly seriesMoved: number;
  readonly instancesMoved: number;
  readonly askedAt: Date;
  readonly endedAt: Date | null;
}

export interface PriorSeriesRow {
  readonly priorFetchId: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly expectedInstances: number | null;
  readonly state: 'skipped' | 'wanted' | 'moved' | 'failed';
  readonly completed: number;
  readonly failures: number;
  readonly status: string | null;
}

export type NewPriorFetch = Pick<
  PriorFetchRow,
  | 'seriesInstanceUid'
  | 'source'
  | 'patientId'
  | 'issuerOfPatientId'
  | 'wantedModality'
  | 'anchorDate'
  | 'dateFrom'
  | 'dateTo'
>;

/** Writes a fetch down; one that had ended (the series was reopened) begins again, one under way goes on. */
export async function askForPrior(trx: Tx, fetch: NewPriorFetch): Promise<void> {
  const { seriesInstanceUid: _, source: __, ...asked } = fetch;
  await trx('priorFetch')
    .insert({ id: randomUUID(), ...fetch })
    .onConflict(['seriesInstanceUid', 'source'])
    .merge({
      // A study that was corrected asks for its new patient.
      ...asked,
      state: 'due',
      reason: '',
      attempts: 0,
      nextAttemptAt: trx.raw('clock_timestamp()'),
      askedAt: trx.raw('clock_timestamp()'),
      endedAt: null,
      lastErrorCode: null,
      lastError: null,
    })
    .whereIn('priorFetch.state', ['done', 'failed']);
}

/**
 * Takes the fetch that is due longest, or that nobody is at: its process is gone, or it is this one and could not
 * write down how its attempt ended.
 * @param running the fetches this process is at
 * @returns null when there is none
 */
export async function claimPriorFetch(tx: Tx, running: readonly string[]): Promise<PriorFetchRow | null> {
  const { rows } = await tx.raw(
    `UPDATE prior_fetch SET state = 'querying', attempts = attempts + 1, owner = ?
      WHERE id = (
        SELECT id FROM prior_fetch
         WHERE (state = 'due' AND next_attempt_at <= clock_timestamp())
            OR (state IN ('querying', 'moving')
                AND (NOT process_is_alive(owner) OR (owner = ? AND id <> ALL (?::uuid[]))))
         ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING *`,
    [processOwner, processOwner, [...running]],
  );
  return rows[0] ?? null;
}

export type PlannedSeries = Pick<
  PriorSeriesRow,
  'seriesInstanceUid' | 'studyInstanceUid' | 'expectedInstances' | 'state'
>;

/** What the source has, and what of it is to come: from here on the fetch is moving. */
export async function planPriorFetch(
  trx: Tx,
  id: string,
  studiesFound: number,
  series: readonly PlannedSeries[],
): Promise<void> {
  if (series.length > 0)
    await trx('priorFetchSeries')
      .insert(series.map((each) => ({ priorFetchId: id, ...each })))
      .onConflict(['priorFetchId', 'seriesInstanceUid'])
      .merge(['expectedInstances', 'state']);
  const seriesSkipped = series.filter(({ state }) => state === 'skipped').length;
  await trx('priorFetch')
    .where({ id, owner: processOwner })
    .update({ state: 'moving', studiesFound, seriesWanted: series.length - seriesSkipped, seriesSkipped });
}

export type MovedSeries = Pick<PriorSeriesRow, 'state' | 'completed' | 'failures' | 'status'>;

export async function recordMove(
  tx: Tx,
  priorFetchId: string,
  seriesInstanceUid: string,
  moved: MovedSeries,
): Promise<void> {
  await tx('priorFetchSeries').where({ priorFetchId, seriesInstanceUid }).update(moved);
}

/** @returns false when the fetch is not ours any more */
export async function endPriorFetch(
  trx: Tx,
  id: string,
  end: { readonly state: 'done' | 'failed'; readonly reason: string },
): Promise<boolean> {
  const count = await trx('priorFetch')
    .where({ id, owner: processOwner })
    .update({
      ...end,
      owner: null,
      endedAt: trx.raw('clock_timestamp()'),
      seriesMoved: trx.raw(
        "(SELECT count(*) FROM prior_fetch_series s WHERE s.prior_fetch_id = prior_fetch.id AND s.state = 'moved')",
      ),
      instancesMoved: trx.raw(
        '(SELECT coalesce(sum(completed), 0) FROM prior_fetch_series s WHERE s.prior_fetch_id = prior_fetch.id)',
      ),
    });
  return count > 0;
}

/** Tried again after `delayMs`. */
export async function postponePriorFetch(
  tx: Tx,
  id: string,
  error: CalcidiscError,
  delayMs: number,
): Promise<void> {
  await tx('priorFetch')
    .where({ id, owner: processOwner })
    .update(postponed(tx, error, delayMs));
}

/** The process stops: whoever comes next takes the fetch up at once, and this attempt does not count. */
export async function releasePriorFetch(tx: Tx, id: string): Promise<void> {
  await tx('priorFetch').where({ id, owner: processOwner }).update(released(tx));
}

/**
 * Whether a CT of this patient may still come of a fetch: it has not failed yet, or it has ended and its first image
 * is not in the index yet. Fetches asked for longer ago than `withinMs` do not count.
 */
export async function isCtBeingFetched(tx: Tx, patientId: string, withinMs: number): Promise<boolean> {
  const { rows } = await tx.raw(
    `SELECT EXISTS (
       SELECT FROM prior_fetch f
        WHERE f.patient_id = ? AND f.wanted_modality = 'CT'
          AND f.asked_at > clock_timestamp() - ? * interval '1 millisecond'
          AND ((f.state IN ('due', 'querying', 'moving') AND f.last_error_code IS NULL)
            OR EXISTS (
              SELECT FROM prior_fetch_series s
               WHERE s.prior_fetch_id = f.id AND s.state = 'moved'
                 AND NOT EXISTS (SELECT FROM series WHERE series_instance_uid = s.series_instance_uid)))
     ) AS is_fetched`,
    [patientId, withinMs],
  );
  return rows[0].isFetched;
}

/** Whether a series came, or is coming, because we asked for it. */
export async function wasFetched(tx: Tx, seriesInstanceUid: string): Promise<boolean> {
  const row = await tx('priorFetchSeries')
    .where({ seriesInstanceUid })
    .whereNot({ state: 'skipped' })
    .first('seriesInstanceUid');
  return row !== undefined;
}

export async function findPriorFetch(tx: Tx, id: string): Promise<PriorFetchRow | null> {
  return (await tx('priorFetch').where({ id }).first('*')) ?? null;
}

export function listPriorFetches(tx: Tx, seriesInstanceUid: string): Promise<PriorFetchRow[]> {
  return tx('priorFetch').where({ seriesInstanceUid }).orderBy('source').select('*');
}

/** What was asked for on behalf of any series of a study. */
export function listPriorFetchesOfStudy(tx: Tx, studyInstanceUid: string): Promise<PriorFetchRow[]> {
  return tx('priorFetch as f')
    .join('series as s', 's.seriesInstanceUid', 'f.seriesInstanceUid')
    .where({ 's.studyInstanceUid': studyInstanceUid })
    .orderBy(['f.source', 'f.askedAt'])
    .select('f.*');
}

/** Whether another series of the same study has asked the same of the same source, and was not refused. */
export async function isAskedForBySibling(
  tx: Tx,
  studyInstanceUid: string,
  { seriesInstanceUid, source, patientId, wantedModality, dateFrom, dateTo }: NewPriorFetch,
): Promise<boolean> {
  const row = await tx('priorFetch as f')
    .join('series as s', 's.seriesInstanceUid', 'f.seriesInstanceUid')
    .where({ 's.studyInstanceUid': studyInstanceUid, 'f.source': source, 'f.patientId': patientId })
    .where({ 'f.wantedModality': wantedModality, 'f.dateFrom': dateFrom, 'f.dateTo': dateTo })
    .whereNot({ 'f.seriesInstanceUid': seriesInstanceUid })
    .whereNot({ 'f.state': 'failed' })
    .first('f.id');
  return row !== undefined;
}

export function listPriorSeries(tx: Tx, priorFetchId: string): Promise<PriorSeriesRow[]> {
  return tx('priorFetchSeries').where({ priorFetchId }).orderBy('seriesInstanceUid').select('*');
}

/** How many images a source said a series has that is fetched from it; null when none was asked, or none knew. */
export async function expectedByFetch(tx: Tx, seriesInstanceUid: string): Promise<number | null> {
  const row = await tx('priorFetchSeries')
    .where({ seriesInstanceUid })
    .whereIn('state', ['wanted', 'moved'])
    .max('expectedInstances as expected')
    .first();
  return row?.expected ?? null;
}
