import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { type AuditEvent, appendAudits } from '../../db/tables/audit.js';
import { listOverfull, markDropped, type NewUnreadObject, putUnread } from '../../db/tables/unreadObjects.js';
import { decodeFileMeta } from '../dicom/fileMeta.js';
import type { Header } from '../dicom/header.js';
import { sopClassOf } from '../dicom/sopClasses.js';
import type { Spool } from '../receive/spool.js';
import type { SpooledFile } from '../receive/types.js';
import { SpooledReader } from './readSpooled.js';
import { inStore, unreadPath } from './spoolPaths.js';

export interface UnreadContext {
  readonly config: Pick<Config, 'dicom'>;
  readonly database: Database;
  readonly dataDir: string;
  readonly spool: Spool;
  readonly log: Logger;
}

const BYTES_PER_MIB = 1 << 20;

/** What is read: MR and CT images. Anything else that was taken is put away. */
export function isReadClass({ sopClassUid }: Pick<SpooledFile, 'sopClassUid'>): boolean {
  return sopClassOf(sopClassUid)?.use === 'image';
}

/**
 * Puts objects of other classes away as they came: screen captures, presentation states, key objects, reports,
 * documents, raw data. Nothing hangs on them: no series waits for them, no identity rests on them, and a header that
 * cannot be read is none. The oldest make room when the store is full (`dicom.unreadStoreMiB`).
 */
export async function putAwayUnread(context: UnreadContext, files: readonly SpooledFile[]): Promise<void> {
  if (files.length === 0) return;
  const { database, spool, dataDir, log } = context;
  const reader = new SpooledReader();
  const rows: { readonly file: SpooledFile; readonly row: NewUnreadObject }[] = [];
  for (const file of files) {
    if (existsSync(file.path)) rows.push({ file, row: await toRow(reader, file) });
  }
  const replaced = await database.knex.transaction(async (trx) => {
    const before: string[] = [];
    for (const { row } of rows) before.push((await putUnread(trx, row)).replaced ?? '');
    await appendAudits(trx, keptEvents(rows.map(({ row }) => row)));
    return before.filter((path) => path !== '');
  });
  for (const { file, row } of rows) {
    if (existsSync(join(dataDir, row.spoolPath))) await spool.drop(file);
    else await spool.keep(file, inStore(row.spoolPath));
  }
  for (const path of replaced) await rm(join(dataDir, path), { force: true });
  log.info({ objects: rows.length, callingAe: files[0]!.callingAe }, 'objects of other classes kept unread');
  await makeRoom(context);
}

async function toRow(reader: SpooledReader, file: SpooledFile): Promise<NewUnreadObject> {
  const { header, datasetSha256 } = await readLeniently(reader, file.path);
  const { sopInstanceUid, sopClassUid, transferSyntaxUid, sizeBytes, callingAe, receivedAt } = file;
  return {
    sopInstanceUid,
    sopClassUid,
    studyInstanceUid: header?.studyInstanceUid ?? '',
    seriesInstanceUid: header?.seriesInstanceUid ?? '',
    modality: header?.modality ?? '',
    seriesDescription: header?.seriesDescription ?? '',
    transferSyntaxUid,
    spoolPath: unreadPath(sopInstanceUid, datasetSha256),
    sizeBytes,
    datasetSha256,
    callingAe,
    receivedAt,
  };
}

async function readLeniently(
  reader: SpooledReader,
  path: string,
): Promise<{ readonly header: Header | null; readonly datasetSha256: string }> {
  try {
    return await reader.read(path);
  } catch {
    const bytes = await readFile(path);
    const dataset = bytes.subarray(decodeFileMeta(bytes)?.datasetOffset ?? 0);
    return { header: null, datasetSha256: createHash('sha256').update(dataset).digest('hex') };
  }
}

/** One for each study, class and sender. */
function keptEvents(rows: readonly NewUnreadObject[]): AuditEvent[] {
  const counts = new Map<string, { row: NewUnreadObject; objects: number }>();
  for (const row of rows) {
    const key = JSON.stringify([row.studyInstanceUid, row.sopClassUid, row.callingAe]);
    counts.set(key, { row, objects: (counts.get(key)?.objects ?? 0) + 1 });
  }
  return [...counts.values()].map(({ row, objects }) => ({
    event: 'UNREAD_KEPT',
    subjectType: 'study',
    subjectId: row.studyInstanceUid,
    actor: `ae:${row.callingAe}`,
    detail: { sopClassUid: row.sopClassUid, objects },
  }));
}

/** The files first: killed between, the rows are found again, and their files are gone already. */
async function makeRoom({ config, database, dataDir, log }: UnreadContext): Promise<void> {
  const { knex } = database;
  const oldest = await listOverfull(knex, config.dicom.unreadStoreMiB * BYTES_PER_MIB);
  if (oldest.length === 0) return;
  for (const { spoolPath } of oldest) await rm(join(dataDir, spoolPath), { force: true });
  await knex.transaction(async (trx) => {
    await markDropped(trx, oldest);
    const detail = { objects: oldest.length, unreadStoreMiB: config.dicom.unreadStoreMiB };
    await appendAudits(trx, [{ event: 'UNREAD_DROPPED', subjectType: 'store', subjectId: 'unread', detail }]);
  });
  log.warn({ objects: oldest.length }, 'the store of unread objects is full: the oldest made room');
}
