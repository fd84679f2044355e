import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../config/log.js';
import type { Database } from '../../db/server/database.js';
import type { Tx } from '../../db/server/knex.js';
import { appendAudit } from '../../db/tables/audit.js';
import {
  findBefore,
  type InsertOutcome,
  type InstanceRow,
  insertNew,
  type NewInstance,
  putInstance,
  replaceInstance,
} from '../../db/tables/instances.js';
import { ensureSeries, reopenSeries, type SeriesRow, touchSeries } from '../../db/tables/series.js';
import { ensureStudy, type StudyRow } from '../../db/tables/studies.js';
import { findIdentity } from '../../db/tables/studyIdentities.js';
import { samePerson } from '../domain/identity.js';
import type { Spool } from '../receive/spool.js';
import type { SpooledFile } from '../receive/types.js';
import type { DecideRole } from '../route/rules.js';
import { ensureKnownAssociations } from './associations.js';
import { BatchIdentities } from './identities.js';
import { identityRow, instanceRow, seriesRow, studyRow } from './indexRows.js';
import { SpooledReader } from './readSpooled.js';
import { judgeArriving } from './role.js';
import { type ReadInstance, toReadInstance } from './rows.js';
import { isSameImage } from './sameImage.js';
import { inStore, storePathAgain } from './spoolPaths.js';

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
    const batch: Batch = { identities: new BatchIdentities(trx), written: [] };
    await writeAll(trx, context, batch, read);
    const done = batch.written;
    const reopened = await touchAll(trx, done);
    // The trail last: its lock is held until the commit (db/tables/audit.ts).
    await batch.identities.settle();
    for (const { instance, outcome } of done) if (outcome === 'conflict') await auditConflict(trx, instance);
    for (const series of reopened) await auditReopened(trx, series);
    return done;
  });
  for (const each of written) await settleFile(context, each);
  return new Set(written.map(({ instance }) => instance.seriesInstanceUid));
}

interface Written {
  readonly instance: ReadInstance;
  /** 'reidentified': the image that was here names another patient now, and this file has taken its place. */
  readonly outcome: InsertOutcome | 'reidentified';
  /** Where the file belongs, relative to the data folder. */
  readonly spoolPath: string;
}

interface Batch {
  readonly identities: BatchIdentities;
  readonly written: Written[];
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
 * Studies, then series, then all new instances in one statement, then what was here before; in one order for
 * everybody, so that two agents cannot wait for each other's rows.
 */
async function writeAll(
  trx: Tx,
  context: IndexContext,
  batch: Batch,
  read: readonly ReadInstance[],
): Promise<void> {
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
    const identityId = await batch.identities.note(instance, studies.get(instance.studyInstanceUid)!);
    rows.push(instanceRow(instance, identityId));
  }
  const isNew = await insertNew(trx, rows);
  for (const [i, instance] of inOrder.entries()) {
    const row = rows[i]!;
    batch.written.push(
      isNew[i]
        ? { instance, outcome: 'inserted', spoolPath: row.spoolPath }
        : await writeAgain(trx, context, batch, instance, row),
    );
  }
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

/** What comes under a SOP Instance UID that is here: the same object again, the same image renamed, or another one. */
async function writeAgain(
  trx: Tx,
  context: IndexContext,
  batch: Batch,
  instance: ReadInstance,
  row: NewInstance,
): Promise<Written> {
  const { outcome, kept } = await putInstance(trx, row);
  if (outcome !== 'conflict') return { instance, outcome, spoolPath: kept.spoolPath };
  const before = await findBefore(trx, row);
  if (before) return { instance, outcome: 'duplicate', ...before };
  if (!(await isReidentified(trx, context, batch, instance, kept)))
    return { instance, outcome, spoolPath: kept.spoolPath };
  const spoolPath = storePathAgain(instance.sopInstanceUid, instance.datasetSha256);
  await replaceInstance(trx, kept, { ...row, spoolPath });
  return { instance, outcome: 'reidentified', spoolPath };
}

/** The image that is here already, now under another identity: a patient was merged or corrected at the source. */
async function isReidentified(
  trx: Tx,
  { dataDir }: IndexContext,
  { written }: Batch,
  instance: ReadInstance,
  kept: InstanceRow,
): Promise<boolean> {
  const before = kept.identityId === null ? null : await findIdentity(trx, kept.identityId);
  if (!before || samePerson(before, identityRow(instance))) return false;
  // The one that is here may have come in this very batch, and lie where it arrived.
  const here = written.find(
    (each) => each.instance.sopInstanceUid === kept.sopInstanceUid && each.spoolPath === kept.spoolPath,
  );
  const path = here?.instance.file.path ?? join(dataDir, kept.spoolPath);
  return isSameImage(path, instance.file.path);
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
      reason: CONFLICT,
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
    const isNews = outcome === 'inserted' || outcome === 'reidentified';
    if (isNews && (!known || known < file.receivedAt)) latest.set(seriesInstanceUid, file.receivedAt);
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
  { instance, outcome, spoolPath }: Written,
): Promise<void> {
  const { file, sopInstanceUid } = instance;
  if (outcome === 'conflict') {
    await spool.setAside(file, CONFLICT);
    log.error({ sopInstanceUid, callingAe: file.callingAe }, `${CONFLICT}: set aside`);
    return;
  }
  if (outcome === 'reidentified')
    log.warn(
      { sopInstanceUid, callingAe: file.callingAe },
      'an image came again under another patient identity',
    );
  // A duplicate is a repeated C-STORE, or this very file when the last run ended between commit and move.
  const isThere = outcome !== 'inserted' && existsSync(join(dataDir, spoolPath));
  if (isThere) await spool.drop(file);
  else await spool.keep(file, inStore(spoolPath));
}
