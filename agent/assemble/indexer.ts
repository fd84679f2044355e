import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../config/log.js';
import { appendAudit } from '../../db/audit.js';
import type { Database } from '../../db/database.js';
import { type InsertOutcome, insertInstance } from '../../db/instances.js';
import type { Tx } from '../../db/knex.js';
import { ensureSeries, reopenSeries, type SeriesRow, touchSeries, updateSeries } from '../../db/series.js';
import { ensureStudy } from '../../db/studies.js';
import { readHeader } from '../dicom/header.js';
import type { Spool } from '../receive/spool.js';
import type { SpooledFile } from '../receive/types.js';
import type { DecideRole } from '../route/rules.js';
import { ensureKnownAssociations } from './associations.js';
import { type ReadInstance, toReadInstance } from './rows.js';
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
    // In one order for everybody, so that two agents cannot wait for each other's rows.
    const inOrder = read.toSorted((a, b) => (a.sopInstanceUid < b.sopInstanceUid ? -1 : 1));
    const done: Written[] = [];
    for (const instance of inOrder) done.push({ instance, outcome: await write(trx, context, instance) });
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
  const read = await Promise.all(
    files.map(async (file) => {
      try {
        return toReadInstance(file, await readHeader(file.path));
      } catch (thrown) {
        await setAsideUnreadable(context, file, thrown as Error);
        return null;
      }
    }),
  );
  return read.filter((each) => each !== null);
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

async function write(trx: Tx, { decideRole }: IndexContext, instance: ReadInstance): Promise<InsertOutcome> {
  await ensureStudy(trx, studyRow(instance));
  const { created } = await ensureSeries(trx, seriesRow(instance));
  if (created) {
    const { role, reason } = decideRole(instance.attributes);
    await updateSeries(trx, instance.seriesInstanceUid, { role, roleReason: reason });
  }
  const { file, header, sopInstanceUid, seriesInstanceUid, slicePositionMm } = instance;
  return insertInstance(trx, {
    sopInstanceUid,
    seriesInstanceUid,
    sopClassUid: file.sopClassUid,
    transferSyntaxUid: file.transferSyntaxUid,
    instanceNumber: wholeNumber(header.instanceNumber),
    slicePositionMm,
    spoolPath: storePath(sopInstanceUid),
    sizeBytes: file.sizeBytes,
    datasetSha256: file.datasetSha256,
    callingAe: file.callingAe,
    associationId: file.associationId,
    receivedAt: file.receivedAt,
  });
}

const CONFLICT = 'another object under a known SOP Instance UID';

/** PS3.5 9: a UID names one object. The first one stays; the other is kept aside for a person to look at. */
async function auditConflict(trx: Tx, { file, seriesInstanceUid }: ReadInstance): Promise<void> {
  await appendAudit(trx, {
    event: 'OBJECT_REFUSED',
    subjectType: 'instance',
    subjectId: file.sopInstanceUid,
    actor: `ae:${file.callingAe}`,
    detail: {
      reason: 'another object under a known SOP Instance UID',
      seriesInstanceUid,
      sha256: file.datasetSha256,
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

function studyRow({ header, studyInstanceUid }: ReadInstance) {
  return {
    studyInstanceUid,
    patientId: header.patientId ?? '',
    issuerOfPatientId: header.issuerOfPatientId ?? '',
    patientName: header.patientName ?? '',
    patientBirthDate: header.patientBirthDate,
    patientSex: header.patientSex ?? '',
    studyId: header.studyId ?? '',
    accessionNumber: header.accessionNumber ?? '',
    studyDate: header.studyDate,
    studyTime: header.studyTime ?? '',
    studyDescription: header.studyDescription ?? '',
    referringPhysicianName: header.referringPhysicianName ?? '',
  };
}

function seriesRow({ header, attributes, seriesInstanceUid, studyInstanceUid }: ReadInstance) {
  return {
    seriesInstanceUid,
    studyInstanceUid,
    modality: header.modality ?? '',
    seriesNumber: wholeNumber(header.seriesNumber),
    seriesDescription: header.seriesDescription ?? '',
    protocolName: header.protocolName ?? '',
    bodyPartExamined: header.bodyPartExamined ?? '',
    acquisitionDate: header.acquisitionDate,
    frameOfReferenceUid: header.frameOfReferenceUid,
    attributes: { ...attributes, numberOfFrames: header.numberOfFrames },
  };
}

/** IS has 32 bits (PS3.5 6.2), and so has the column; anything else is no number worth keeping. */
function wholeNumber(value: number | null): number | null {
  return value !== null && Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? value : null;
}
