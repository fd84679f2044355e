import { randomUUID } from 'node:crypto';
import type { ImageFacts } from '../../agent/domain/imageFacts.js';
import { json, type Tx } from '../server/knex.js';

export interface InstanceRow {
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
  readonly instanceNumber: number | null;
  /** Along the stack's normal, millimetres. */
  readonly slicePositionMm: number | null;
  /** Relative to the data folder. */
  readonly spoolPath: string;
  /** Whose data folder (spool_store); null: it came before that was kept, and lies wherever it lies. */
  readonly store: number | null;
  readonly sizeBytes: number;
  /** When its file was deleted by policy; null: it is there. */
  readonly purgedAt: Date | null;
  readonly datasetSha256: string;
  readonly callingAe: string;
  readonly associationId: string | null;
  readonly receivedAt: Date;
  readonly duplicates: number;
  /** How it names its patient (study_identity). */
  readonly identityId: string | null;
  /** What its header says of the images around it; null of those that came before that was kept. */
  readonly extent: Readonly<Record<string, number | string>> | null;
}

/** All but the facts, which only who judges a series wants. */
const COLUMNS = [
  'sopInstanceUid',
  'seriesInstanceUid',
  'sopClassUid',
  'transferSyntaxUid',
  'instanceNumber',
  'slicePositionMm',
  'spoolPath',
  'store',
  'purgedAt',
  'sizeBytes',
  'datasetSha256',
  'callingAe',
  'associationId',
  'receivedAt',
  'duplicates',
  'identityId',
  'extent',
] as const satisfies readonly (keyof InstanceRow)[];

export type NewInstance = Omit<InstanceRow, 'duplicates' | 'identityId' | 'extent' | 'store' | 'purgedAt'> &
  Partial<Pick<InstanceRow, 'identityId' | 'extent' | 'store'>> & { readonly facts?: ImageFacts };

/**
 * 'duplicate': the same object was sent again; 'conflict': another object under the same UID, which is not taken
 * over (PS3.5 9: a UID names one object). Either way the first one stays, and the row counts the visit.
 */
export type InsertOutcome = 'inserted' | 'duplicate' | 'conflict';

export interface Put {
  readonly outcome: InsertOutcome;
  /** The row under that UID. */
  readonly kept: InstanceRow;
}

export async function putInstance(trx: Tx, instance: NewInstance): Promise<Put> {
  const { sopInstanceUid } = instance;
  const inserted = await trx('instance')
    .insert(instance)
    .onConflict('sopInstanceUid')
    .ignore()
    .returning('*');
  if (inserted.length > 0) return { outcome: 'inserted', kept: inserted[0] };
  const [kept] = await trx('instance')
    .where({ sopInstanceUid })
    // The same file read again (its process ended before it was moved) is no second visit.
    .update({ duplicates: trx.raw('duplicates + (received_at <> ?)::integer', [instance.receivedAt]) })
    .returning('*');
  return { outcome: kept.datasetSha256 === instance.datasetSha256 ? 'duplicate' : 'conflict', kept };
}

/**
 * The same image has another header: the new file takes the place of the one that stands, which is remembered with
 * where it lies.
 */
export async function replaceInstance(trx: Tx, kept: InstanceRow, by: NewInstance): Promise<void> {
  const { sopInstanceUid } = kept;
  await trx('instanceBefore').insert({
    id: randomUUID(),
    sopInstanceUid,
    identityId: kept.identityId,
    transferSyntaxUid: kept.transferSyntaxUid,
    spoolPath: kept.spoolPath,
    store: kept.store,
    sizeBytes: kept.sizeBytes,
    datasetSha256: kept.datasetSha256,
    callingAe: kept.callingAe,
    receivedAt: kept.receivedAt,
  });
  await trx('instance').where({ sopInstanceUid }).update(by);
}

/** Where a file of before lies, when this is that very file read again. */
export async function findBefore(
  tx: Tx,
  { sopInstanceUid, datasetSha256, receivedAt }: NewInstance,
): Promise<{ readonly spoolPath: string } | null> {
  const row = await tx('instanceBefore')
    .where({ sopInstanceUid, datasetSha256, receivedAt })
    .first('spoolPath');
  return row ?? null;
}

/**
 * The file of an image that came again is the one that counts from now on: the agent that had it is away. The series is
 * that agent's which has most of it.
 */
export async function moveInstance(
  trx: Tx,
  { sopInstanceUid, seriesInstanceUid, spoolPath, store }: NewInstance,
): Promise<void> {
  await trx('instance').where({ sopInstanceUid }).update({ spoolPath, store });
  await trx('series')
    .where({ seriesInstanceUid, state: 'complete' })
    .update({ holder: trx.raw(HOLDER) });
}

/**
 * Those that are not here yet, in one statement, as one JSON value: two thirds of the database's and the driver's work
 * is per statement and per parameter.
 * @returns for each whether it was inserted; of two under one UID the first is
 */
export async function insertNew(trx: Tx, instances: readonly NewInstance[]): Promise<boolean[]> {
  const { rows }: { rows: { sopInstanceUid: string }[] } = await trx.raw(INSERT_MANY, [json(instances)]);
  const inserted = new Set(rows.map(({ sopInstanceUid }) => sopInstanceUid));
  return instances.map(({ sopInstanceUid }) => inserted.delete(sopInstanceUid));
}

/** The keys of `NewInstance`, as they stand in JSON. */
const INSERT_MANY = `
  INSERT INTO instance (sop_instance_uid, series_instance_uid, sop_class_uid, transfer_syntax_uid, instance_number,
    slice_position_mm, spool_path, store, size_bytes, dataset_sha256, calling_ae, association_id, received_at, identity_id,
    facts, extent)
  SELECT "sopInstanceUid", "seriesInstanceUid", "sopClassUid", "transferSyntaxUid", "instanceNumber",
    "slicePositionMm", "spoolPath", "store", "sizeBytes", "datasetSha256", "callingAe", "associationId", "receivedAt",
    "identityId", "facts", "extent"
  FROM json_to_recordset(?::json) AS given("sopInstanceUid" text, "seriesInstanceUid" text, "sopClassUid" text,
    "transferSyntaxUid" text, "instanceNumber" integer, "slicePositionMm" double precision, "spoolPath" text,
    "store" integer, "sizeBytes" bigint, "datasetSha256" text, "callingAe" text, "associationId" uuid, "receivedAt" timestamptz,
    "identityId" uuid, "facts" jsonb, "extent" jsonb)
  ON CONFLICT (sop_instance_uid) DO NOTHING
  RETURNING sop_instance_uid`;

/** An image that was deleted by policy came again: it lies here now. */
export async function unpurgeInstance(
  trx: Tx,
  { sopInstanceUid, spoolPath, store }: NewInstance,
): Promise<void> {
  await trx('instance').where({ sopInstanceUid }).update({ spoolPath, store, purgedAt: null });
}

/** The store with most of a series' images; null when none was kept. */
export const HOLDER = `(
  SELECT mode() WITHIN GROUP (ORDER BY store) FROM instance i
   WHERE i.series_instance_uid = series.series_instance_uid)`;

export async function findInstance(tx: Tx, sopInstanceUid: string): Promise<InstanceRow | null> {
  return (await tx('instance').where({ sopInstanceUid }).first('*')) ?? null;
}

/** SOP class by SOP Instance UID, of those that are here. */
export async function findSopClasses(
  tx: Tx,
  sopInstanceUids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows: Pick<InstanceRow, 'sopInstanceUid' | 'sopClassUid'>[] = await tx('instance')
    .whereIn('sopInstanceUid', [...sopInstanceUids])
    .select('sopInstanceUid', 'sopClassUid');
  return new Map(rows.map((row) => [row.sopInstanceUid, row.sopClassUid]));
}

/** In the order of the stack where the images have a place in it, else by their number. */
export function listInstances(tx: Tx, seriesInstanceUid: string): Promise<InstanceRow[]> {
  return tx('instance')
    .where({ seriesInstanceUid })
    .orderBy('slicePositionMm')
    .orderBy('instanceNumber')
    .orderBy('sopInstanceUid')
    .select(...COLUMNS);
}

/** What each image of a series says of it. */
export interface ImageFactsRow extends Pick<InstanceRow, 'callingAe' | 'sopClassUid' | 'spoolPath'> {
  /** Null when it came before facts were kept (0010). */
  readonly facts: ImageFacts | null;
}

export function listImageFacts(tx: Tx, seriesInstanceUid: string): Promise<ImageFactsRow[]> {
  return tx('instance')
    .where({ seriesInstanceUid })
    .orderBy('sopInstanceUid')
    .select('callingAe', 'sopClassUid', 'spoolPath', 'facts');
}

export async function countInstances(tx: Tx, seriesInstanceUid: string): Promise<number> {
  const row = await tx('instance').where({ seriesInstanceUid }).count('* as count').first();
  return Number(row?.count ?? 0);
}

/** How many images of each series of a study are here, by Series Instance UID. */
export async function countStudy(tx: Tx, studyInstanceUid: string): Promise<ReadonlyMap<string, number>> {
  const rows: { seriesInstanceUid: string; count: number }[] = await tx('instance')
    .join('series', 'series.seriesInstanceUid', 'instance.seriesInstanceUid')
    .where({ 'series.studyInstanceUid': studyInstanceUid })
    .groupBy('instance.seriesInstanceUid')
    .select('instance.seriesInstanceUid')
    .count('* as count');
  return new Map(rows.map(({ seriesInstanceUid, count }) => [seriesInstanceUid, Number(count)]));
}

/** The AE titles that brought a study's images. */
export async function listSendersOfStudy(tx: Tx, studyInstanceUid: string): Promise<string[]> {
  const rows: { callingAe: string }[] = await tx('instance')
    .join('series', 'series.seriesInstanceUid', 'instance.seriesInstanceUid')
    .where({ 'series.studyInstanceUid': studyInstanceUid })
    .distinct('instance.callingAe');
  return rows.map(({ callingAe }) => callingAe);
}

/** The AE titles that brought a series' images. */
export async function listSenders(tx: Tx, seriesInstanceUid: string): Promise<string[]> {
  const rows: { callingAe: string }[] = await tx('instance')
    .where({ seriesInstanceUid })
    .distinct('callingAe');
  return rows.map(({ callingAe }) => callingAe);
}

/** Which of these spool files the index has: a rebuild skips them. */
export async function knownSpoolPaths(tx: Tx, spoolPaths: readonly string[]): Promise<Set<string>> {
  const rows: { spoolPath: string }[] = await tx('instance')
    .whereRaw('spool_path = ANY(?::text[])', [[...spoolPaths]])
    .select('spoolPath');
  return new Set(rows.map(({ spoolPath }) => spoolPath));
}

/** The AE title that a series came from, first; '' when none of it is here. */
export async function sourceOf(tx: Tx, seriesInstanceUid: string): Promise<string> {
  const row = await tx('instance').where({ seriesInstanceUid }).orderBy('receivedAt').first('callingAe');
  return row?.callingAe ?? '';
}

/**
 * How long after the last image of the study's other series this one's first image came, by another association:
 * milliseconds, 0 where one association brought both or they came side by side; null: it is the study's first series.
 */
export async function gapBeforeSeries(
  tx: Tx,
  { seriesInstanceUid, studyInstanceUid }: { seriesInstanceUid: string; studyInstanceUid: string },
): Promise<number | null> {
  const { rows } = await tx.raw(
    `SELECT CASE WHEN o.association_id IS DISTINCT FROM f.association_id
                 THEN extract(epoch FROM f.received_at - o.received_at)::float8 * 1000 ELSE 0 END AS gap_ms
       FROM (SELECT received_at, association_id FROM instance WHERE series_instance_uid = :series
              ORDER BY received_at LIMIT 1) f,
            LATERAL (SELECT i.received_at, i.association_id
                       FROM series s JOIN instance i ON i.series_instance_uid = s.series_instance_uid
                      WHERE s.study_instance_uid = :study AND s.series_instance_uid <> :series
                        AND i.received_at <= f.received_at
                      ORDER BY i.received_at DESC LIMIT 1) o`,
    { series: seriesInstanceUid, study: studyInstanceUid },
  );
  return rows[0]?.gapMs ?? null;
}
