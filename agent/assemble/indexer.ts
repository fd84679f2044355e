import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import type { Tx } from '../../db/server/knex.js';
import { appendAudits } from '../../db/tables/audit.js';
import { insertNew, type NewInstance } from '../../db/tables/instances.js';
import { insertAside } from '../../db/tables/objectsAside.js';
import { ensureSeries } from '../../db/tables/series.js';
import { ensureStudy, type StudyRow } from '../../db/tables/studies.js';
import type { Files } from '../holders/files.js';
import type { Spool } from '../receive/spool.js';
import type { SpooledFile } from '../receive/types.js';
import type { DecideRole } from '../route/rules.js';
import { ensureKnownAssociations } from './associations.js';
import { inserted, type Written, writeAgain } from './comesAgain.js';
import { BatchStudies } from './identities.js';
import { CONFLICT, conflictEvent, refuseUnreadable, reopenedEvent } from './indexEvents.js';
import { instanceRow, seriesRow, studyRow } from './indexRows.js';
import type { SpooledReader } from './readSpooled.js';
import { judgeArriving } from './role.js';
import { type ReadInstance, toReadInstance } from './rows.js';
import { inStore } from './spoolPaths.js';
import { touchAll } from './touch.js';
import { isReadClass, putAwayUnread } from './unread.js';

export interface IndexContext {
  readonly config: Pick<Config, 'dicom'>;
  readonly database: Database;
  readonly dataDir: string;
  readonly spool: Spool;
  /** Our own (spool_store). */
  readonly store?: number;
  /** Files of other agents, to hold what comes again against. */
  readonly files?: Files;
  readonly decideRole: DecideRole;
  readonly log: Logger;
}

/**
 * Writes spooled files into the index, in one transaction, and then moves each to its lasting place. Killed between
 * the two, the file still lies where the next start looks, and is indexed again to the same rows.
 * @param reader one caller's, from batch to batch: its megabyte is not made anew for each
 * @returns the series that got something new
 */
export async function indexFiles(
  context: IndexContext,
  reader: SpooledReader,
  files: readonly SpooledFile[],
): Promise<Set<string>> {
  await putAwayUnread(
    context,
    files.filter((file) => !isReadClass(file)),
  );
  const read = await readAll(context, reader, files.filter(isReadClass));
  if (read.length === 0) return new Set();
  const { written, reopened } = await context.database.knex.transaction((trx) => write(trx, context, read));
  for (const each of written) await settleFile(context, each);
  return new Set([...written.map(({ instance }) => instance.seriesInstanceUid), ...reopened]);
}

interface IndexedFile extends Written {
  /** The very same other object has been set aside before. */
  readonly isAsideAlready: boolean;
}

async function write(
  trx: Tx,
  context: IndexContext,
  read: readonly ReadInstance[],
): Promise<{ written: readonly IndexedFile[]; reopened: readonly string[] }> {
  await ensureKnownAssociations(trx, read);
  const studies = new BatchStudies(trx);
  const written = await writeAll(trx, context, studies, read);
  const settled = await studies.settle(written);
  const reopened = await touchAll(trx, written, settled.corrected);
  const indexed: IndexedFile[] = [];
  for (const each of written) indexed.push({ ...each, isAsideAlready: !(await noteConflict(trx, each)) });
  // The trail last: its lock is held until the commit (db/tables/audit.ts).
  await appendAudits(trx, [
    ...settled.events,
    ...indexed
      .filter(({ outcome, isAsideAlready }) => outcome === 'conflict' && !isAsideAlready)
      .map(conflictEvent),
    ...reopened.map(reopenedEvent),
  ]);
  return { written: indexed, reopened: reopened.map(({ seriesInstanceUid }) => seriesInstanceUid) };
}

/** @returns false for an object that lies aside already */
async function noteConflict(trx: Tx, { instance, outcome }: Written): Promise<boolean> {
  if (outcome !== 'conflict') return true;
  const { sopInstanceUid, studyInstanceUid, seriesInstanceUid, datasetSha256, file } = instance;
  const { callingAe, receivedAt } = file;
  const uids = { sopInstanceUid, studyInstanceUid, seriesInstanceUid };
  return insertAside(trx, { ...uids, datasetSha256, callingAe, receivedAt, reason: CONFLICT });
}

/** One bad file is set aside with its reason; the others go on. */
async function readAll(
  context: IndexContext,
  reader: SpooledReader,
  files: readonly SpooledFile[],
): Promise<ReadInstance[]> {
  const read: ReadInstance[] = [];
  for (const file of files) {
    try {
      read.push(toReadInstance(file, await reader.read(file.path)));
    } catch (thrown) {
      await refuseUnreadable(context, file, thrown as Error);
    }
  }
  return read;
}

/**
 * Studies, then series, then all new instances in one statement, then what was here before; in one order for
 * everybody, so that two agents cannot wait for each other's rows.
 */
async function writeAll(
  trx: Tx,
  context: IndexContext,
  identities: BatchStudies,
  read: readonly ReadInstance[],
): Promise<Written[]> {
  const studies = new Map<string, StudyRow>();
  for (const first of firstOfEach(read, 'studyInstanceUid'))
    studies.set(first.studyInstanceUid, (await ensureStudy(trx, studyRow(first))).study);
  for (const first of firstOfEach(read, 'seriesInstanceUid')) {
    const ensured = await ensureSeries(trx, seriesRow(first));
    const arrived = read.filter(({ seriesInstanceUid }) => seriesInstanceUid === first.seriesInstanceUid);
    await judgeArriving(trx, ensured, arrived, context.decideRole);
  }
  const inOrder = read.toSorted((a, b) => (a.sopInstanceUid < b.sopInstanceUid ? -1 : 1));
  const rows: NewInstance[] = [];
  for (const instance of inOrder) {
    const identityId = await identities.note(instance, studies.get(instance.studyInstanceUid)!);
    rows.push(instanceRow(instance, identityId, context.store ?? null));
  }
  const isNew = await insertNew(trx, rows);
  const written: Written[] = [];
  for (const [i, instance] of inOrder.entries())
    written.push(
      isNew[i] ? inserted(instance, rows[i]!) : await writeAgain(trx, context, written, instance, rows[i]!),
    );
  return written;
}

/** The first that came of each study or series, in the order of their UIDs. */
function firstOfEach(
  read: readonly ReadInstance[],
  uid: 'studyInstanceUid' | 'seriesInstanceUid',
): ReadInstance[] {
  const firsts = new Map<string, ReadInstance>();
  for (const each of read) if (!firsts.has(each[uid])) firsts.set(each[uid], each);
  return [...firsts.values()].sort((a, b) => (a[uid] < b[uid] ? -1 : 1));
}

async function settleFile({ spool, dataDir, log }: IndexContext, each: IndexedFile): Promise<void> {
  const { instance, outcome, spoolPath, change, movedFrom, isAsideAlready, isElsewhere } = each;
  const { file, sopInstanceUid, seriesInstanceUid } = instance;
  const about = { sopInstanceUid, callingAe: file.callingAe };
  if (outcome === 'conflict' && !isAsideAlready) {
    await spool.setAside(file, CONFLICT);
    log.error(about, `${CONFLICT}: set aside`);
    return;
  }
  if (outcome === 'reheadered' && change!.report.length > 0)
    log.info({ ...about, changed: change!.report }, 'an image came again with another header');
  if (movedFrom)
    log.info({ ...about, movedFrom, seriesInstanceUid }, 'an image came again in another series');
  // A duplicate is a repeated C-STORE, or this very file when the last run ended between commit and move.
  const isThere =
    isAsideAlready || isElsewhere || (outcome !== 'inserted' && existsSync(join(dataDir, spoolPath)));
  if (isThere) await spool.drop(file);
  else await spool.keep(file, inStore(spoolPath));
}
