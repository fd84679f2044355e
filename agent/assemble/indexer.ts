import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../config/log.js';
import { appendAudit } from '../../db/audit.js';
import type { Database } from '../../db/database.js';
import { type InsertOutcome, insertInstances } from '../../db/instances.js';
import type { Tx } from '../../db/knex.js';
import { ensureSeries, reopenSeries, type SeriesRow, touchSeries, updateSeries } from '../../db/series.js';
import { ensureStudy } from '../../db/studies.js';
import type { Spool } from '../receive/spool.js';
import type { SpooledFile } from '../receive/types.js';
import type { DecideRole } from '../route/rules.js';
import { ensureKnownAssociations } from './associations.js';
import { SpooledReader } from './readSpooled.js';
import { instanceRow, type ReadInstance, seriesRow, studyRow, toReadInstance } from './rows.js';
import { storeName, storePath } from './spoolPaths.js';

export interface IndexContext {
  readonly database: Database;
  readonly dataDir: string;
  readonly spool: Spool;
  readonly decideRole: DecideRole;
  readonly log: Logger;
}

/**
 * Writes spooled files into the index, in one transaction, and then moves each to its lasting place. Killed between
 * the two, the file still lies where the next start looks, and is indexed again to the same rows.
 * @returns the series that got something new
 */
export async function indexFiles(context: IndexContext, files: readonly SpooledFile[]): Promise<Set<string>> {
  const read = await readAll(context, files);
  const written = await context.database.knex.transaction(async (trx) => {
    await ensureKnownAssociations(trx, read);
    const done = await writeAll(trx, context, read);
    const reopened = await touchAll(trx, done);
    // The trail last: its lock is held until the commit (db/audit.ts).
    for (const { instance, outcome } of done) if (outcome === 'conflict') await auditConflict(trx, instance);
    for (const series of reopened) await auditReopened(trx, series);
    return done;
  });
  for (const each of written) await settleFile(context, each);
  return new Set(written.map(({ instance }) => instance.seriesInstanceUid));
}

interface Written {
  readonly instance: ReadInstance;
  readonly outcome: InsertOutcome;
}

/** One bad file is set aside with its reason; the others go on. */
async function readAll(context: IndexContext, files: readonly SpooledFile[]): Promise<ReadInstance[]> {
  const reader = new SpooledReader();
  const read: ReadInstance[] = [];
  for (const file of files) {
    try {
      read.push(toReadInstance(file, await reader.read(file.path)));
    } catch (thrown) {
      await setAsideUnreadable(context, file, thrown as Error);
    }
  }
  return read;
}

async function setAsideUnreadable({ database, spool, log }: IndexContext, file: SpooledFile, error: Error) {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // Another run has moved it already.
  const about = { sopInstanceUid: file.sopInstanceUid, callingAe: file.callingAe };
  log.error({ ...about, err: error }, 'an object in the spool cannot be read: set aside');
  await spool.setAside(file, `unreadable: ${error.message}`);
  await appendAudit(database.knex, {
    event: 'OBJECT_REFUSED',
    subjectType: 'instance',
    subjectId: file.sopInstanceUid,
    actor: `ae:${file.callingAe}`,
    detail: { reason: 'unreadable' },
  });
}

/**
 * Studies, then series, then all instances in one statement; in one order for everybody, so that two agents cannot
 * wait for each other's rows.
 */
async function writeAll(
  trx: Tx,
  { decideRole }: IndexContext,
  read: readonly ReadInstance[],
): Promise<Written[]> {
  for (const first of firstOfEach(read, 'studyInstanceUid')) await ensureStudy(trx, studyRow(first));
  for (const first of firstOfEach(read, 'seriesInstanceUid')) {
    const { created } = await ensureSeries(trx, seriesRow(first));
    if (!created) continue;
    const { role, reason } = decideRole(first.attributes);
    await updateSeries(trx, first.seriesInstanceUid, { role, roleReason: reason });
  }
  const inOrder = read.toSorted((a, b) => (a.sopInstanceUid < b.sopInstanceUid ? -1 : 1));
  const outcomes = await insertInstances(trx, inOrder.map(instanceRow));
  return inOrder.map((instance, index) => ({ instance, outcome: outcomes[index]! }));
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

const CONFLICT = 'another object under a known SOP Instance UID';

/** PS3.5 9: a UID names one object. The first one stays; the other is kept aside for a person to look at. */
async function auditConflict(
  trx: Tx,
  { file, seriesInstanceUid, datasetSha256 }: ReadInstance,
): Promise<void> {
  await appendAudit(trx, {
    event: 'OBJECT_REFUSED',
    subjectType: 'instance',
    subjectId: file.sopInstanceUid,
    actor: `ae:${file.callingAe}`,
    detail: {
      reason: 'another object under a known SOP Instance UID',
      seriesInstanceUid,
      sha256: datasetSha256,
    },
  });
}

/** New images start the quiet period afresh, and reopen a series that was thought complete. */
async function touchAll(trx: Tx, written: readonly Written[]): Promise<SeriesRow[]> {
  const latest = new Map<string, Date>();
  for (const { instance, outcome } of written) {
    const { seriesInstanceUid, file } = instance;
    const known = latest.get(seriesInstanceUid);
    if (outcome === 'inserted' && (!known || known < file.receivedAt))
      latest.set(seriesInstanceUid, file.receivedAt);
  }
  const reopened: SeriesRow[] = [];
  for (const [seriesInstanceUid, at] of [...latest].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    await touchSeries(trx, seriesInstanceUid, at);
    const row = await reopenSeries(trx, seriesInstanceUid);
    if (row) reopened.push(row);
  }
  return reopened;
}

async function auditReopened(trx: Tx, { seriesInstanceUid, reopened }: SeriesRow): Promise<void> {
  await appendAudit(trx, {
    event: 'SERIES_REOPENED',
    subjectType: 'series',
    subjectId: seriesInstanceUid,
    detail: { reopened },
  });
}

async function settleFile(
  { spool, dataDir, log }: IndexContext,
  { instance, outcome }: Written,
): Promise<void> {
  const { file, sopInstanceUid } = instance;
  if (outcome === 'conflict') {
    await spool.setAside(file, CONFLICT);
    log.error({ sopInstanceUid, callingAe: file.callingAe }, `${CONFLICT}: set aside`);
    return;
  }
  // A duplicate is a repeated C-STORE, or this very file when the last run ended between commit and move.
  const isThere = outcome === 'duplicate' && existsSync(join(dataDir, storePath(sopInstanceUid)));
  if (isThere) await spool.drop(file);
  else await spool.keep(file, storeName(sopInstanceUid));
}
