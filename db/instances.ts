import { json, type Tx } from './knex.js';

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
  readonly sizeBytes: number;
  readonly datasetSha256: string;
  readonly callingAe: string;
  readonly associationId: string | null;
  readonly receivedAt: Date;
  readonly duplicates: number;
}

export type NewInstance = Omit<InstanceRow, 'duplicates'>;

/**
 * 'duplicate': the same object was sent again; 'conflict': another object under the same UID, which is not taken
 * over (PS3.5 9: a UID names one object). Either way the first one stays, and the row counts the visit.
 */
export type InsertOutcome = 'inserted' | 'duplicate' | 'conflict';

export async function insertInstance(trx: Tx, instance: NewInstance): Promise<InsertOutcome> {
  const { sopInstanceUid } = instance;
  const inserted = await trx('instance')
    .insert(instance)
    .onConflict('sopInstanceUid')
    .ignore()
    .returning('sopInstanceUid');
  if (inserted.length > 0) return 'inserted';
  const [kept] = await trx('instance')
    .where({ sopInstanceUid })
    // The same file read again (its process ended before it was moved) is no second visit.
    .update({ duplicates: trx.raw('duplicates + (received_at <> ?)::integer', [instance.receivedAt]) })
    .returning('*');
  return kept.datasetSha256 === instance.datasetSha256 ? 'duplicate' : 'conflict';
}

/**
 * Many in one statement, as one JSON value: two thirds of the database's and the driver's work is per statement and
 * per parameter.
 * @returns the outcomes, in the order of the instances
 */
export async function insertInstances(trx: Tx, instances: readonly NewInstance[]): Promise<InsertOutcome[]> {
  const { rows }: { rows: { sopInstanceUid: string }[] } = await trx.raw(INSERT_MANY, [json(instances)]);
  const inserted = new Set(rows.map(({ sopInstanceUid }) => sopInstanceUid));
  const outcomes: InsertOutcome[] = [];
  for (const instance of instances) {
    // Of two under one UID the statement takes the first.
    const isNew = inserted.delete(instance.sopInstanceUid);
    outcomes.push(isNew ? 'inserted' : await insertInstance(trx, instance));
  }
  return outcomes;
}

/** The keys of `NewInstance`, as they stand in JSON. */
const INSERT_MANY = `
  INSERT INTO instance (sop_instance_uid, series_instance_uid, sop_class_uid, transfer_syntax_uid, instance_number,
    slice_position_mm, spool_path, size_bytes, dataset_sha256, calling_ae, association_id, received_at)
  SELECT "sopInstanceUid", "seriesInstanceUid", "sopClassUid", "transferSyntaxUid", "instanceNumber",
    "slicePositionMm", "spoolPath", "sizeBytes", "datasetSha256", "callingAe", "associationId", "receivedAt"
  FROM json_to_recordset(?::json) AS given("sopInstanceUid" text, "seriesInstanceUid" text, "sopClassUid" text,
    "transferSyntaxUid" text, "instanceNumber" integer, "slicePositionMm" double precision, "spoolPath" text,
    "sizeBytes" bigint, "datasetSha256" text, "callingAe" text, "associationId" uuid, "receivedAt" timestamptz)
  ON CONFLICT (sop_instance_uid) DO NOTHING
  RETURNING sop_instance_uid`;

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
    .select('*');
}

export async function countInstances(tx: Tx, seriesInstanceUid: string): Promise<number> {
  const row = await tx('instance').where({ seriesInstanceUid }).count('* as count').first();
  return Number(row?.count ?? 0);
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
