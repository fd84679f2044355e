import type { Tx } from '../server/knex.js';

/** An object of a class that is not read: kept as sent while there is room; nothing hangs on it. */
export interface UnreadObjectRow {
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
  /** '' where its header says nothing that could be read. */
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly modality: string;
  readonly seriesDescription: string;
  readonly transferSyntaxUid: string;
  /** Relative to the data folder. */
  readonly spoolPath: string;
  readonly sizeBytes: number;
  readonly datasetSha256: string;
  readonly callingAe: string;
  readonly receivedAt: Date;
  /** When its file made room for newer ones. */
  readonly droppedAt: Date | null;
  /** When it was looked at for a reader's word about a report of ours. */
  readonly heardAt: Date | null;
}

export type NewUnreadObject = Omit<UnreadObjectRow, 'droppedAt' | 'heardAt'>;

/** The newest object under a UID counts, whatever it holds. @returns where the one of before lies, when it is another file */
export async function putUnread(
  trx: Tx,
  object: NewUnreadObject,
): Promise<{ readonly replaced: string | null }> {
  const { sopInstanceUid, spoolPath } = object;
  const before = await trx('unreadObject')
    .where({ sopInstanceUid })
    .forUpdate()
    .first('spoolPath', 'droppedAt', 'datasetSha256', 'heardAt');
  // The very same document says the same: it is not heard twice.
  const heardAt = before?.datasetSha256 === object.datasetSha256 ? before.heardAt : null;
  const fresh = { ...object, droppedAt: null, heardAt };
  if (before) await trx('unreadObject').where({ sopInstanceUid }).update(fresh);
  else await trx('unreadObject').insert(fresh);
  const isElsewhere = before !== undefined && before.droppedAt === null && before.spoolPath !== spoolPath;
  return { replaced: isElsewhere ? before.spoolPath : null };
}

/** How many a study has of each class, and how many of them had to make room. */
export interface UnreadCount {
  readonly sopClassUid: string;
  readonly objects: number;
  readonly dropped: number;
}

export async function countUnread(tx: Tx, studyInstanceUid: string): Promise<UnreadCount[]> {
  return tx('unreadObject')
    .where({ studyInstanceUid })
    .groupBy('sopClassUid')
    .orderBy('sopClassUid')
    .select(
      'sopClassUid',
      tx.raw('count(*)::integer AS objects'),
      tx.raw('count(dropped_at)::integer AS dropped'),
    );
}

export interface UnreadStore {
  readonly objects: number;
  readonly bytes: number;
  readonly dropped: number;
}

export async function measureUnread(tx: Tx): Promise<UnreadStore> {
  return tx('unreadObject').first(
    tx.raw('count(*) FILTER (WHERE dropped_at IS NULL)::integer AS objects'),
    tx.raw('coalesce(sum(size_bytes) FILTER (WHERE dropped_at IS NULL), 0)::bigint AS bytes'),
    tx.raw('count(dropped_at)::integer AS dropped'),
  ) as Promise<UnreadStore>;
}

/** The oldest that are kept beyond what there is room for. */
export async function listOverfull(
  tx: Tx,
  mostBytes: number,
): Promise<Pick<UnreadObjectRow, 'sopInstanceUid' | 'spoolPath'>[]> {
  const { rows } = await tx.raw(
    `SELECT sop_instance_uid, spool_path FROM (
       SELECT sop_instance_uid, spool_path, sum(size_bytes) OVER (ORDER BY received_at DESC, sop_instance_uid) AS kept
         FROM unread_object WHERE dropped_at IS NULL) newest
      WHERE kept > ?`,
    [mostBytes],
  );
  return rows;
}

/** One that came again meanwhile lies elsewhere, and stays. */
export async function markDropped(
  trx: Tx,
  objects: readonly Pick<UnreadObjectRow, 'sopInstanceUid' | 'spoolPath'>[],
): Promise<void> {
  for (const { sopInstanceUid, spoolPath } of objects)
    await trx('unreadObject')
      .where({ sopInstanceUid, spoolPath })
      .update({ droppedAt: trx.raw('clock_timestamp()') });
}

/** The oldest object of these classes that nobody has looked at yet; none of `but`. */
export async function nextUnheard(
  tx: Tx,
  sopClassUids: readonly string[],
  but: readonly string[],
): Promise<UnreadObjectRow | null> {
  const query = tx('unreadObject').whereNull('heardAt').whereNull('droppedAt');
  query.whereIn('sopClassUid', sopClassUids).whereNotIn('sopInstanceUid', but);
  return (await query.orderBy('receivedAt').first('*')) ?? null;
}

/** @returns false when somebody else has, or another object came under the UID meanwhile */
export async function markHeard(
  trx: Tx,
  { sopInstanceUid, datasetSha256 }: Pick<UnreadObjectRow, 'sopInstanceUid' | 'datasetSha256'>,
): Promise<boolean> {
  const marked = await trx('unreadObject')
    .where({ sopInstanceUid, datasetSha256 })
    .whereNull('heardAt')
    .update({ heardAt: trx.raw('clock_timestamp()') });
  return marked > 0;
}
