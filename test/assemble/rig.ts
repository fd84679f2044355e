import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Assembler, startAssembler } from '../../agent/assemble/assembler.js';
import { decodeFileMeta } from '../../agent/dicom/fileMeta.js';
import { newUid } from '../../agent/dicom/uid.js';
import { seriesComplete } from '../../agent/pair/reconsider.js';
import { openSpool, type Spool } from '../../agent/receive/spool.js';
import type { AssociationEnd, EndedAssociation, SpooledFile } from '../../agent/receive/types.js';
import { compileRules } from '../../agent/route/rules.js';
import { parseConfig } from '../../config/load.js';
import { type CaseRow, listCases } from '../../db/tables/cases.js';
import { findSeries } from '../../db/tables/series.js';
import { findStudy } from '../../db/tables/studies.js';
import { type Elements, writePart10 } from '../dicom/writePart10.js';
import { quietLog, type useDatabase } from '../support/database.js';
import { until } from '../support/until.js';

export interface Series {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly patientId: string;
}

export const newSeries = (patientId: string = randomUUID().slice(0, 8)): Series => ({
  studyInstanceUid: newUid(),
  seriesInstanceUid: newUid(),
  patientId,
});

/** An association that a scanner has just opened. */
export const opened = (id: string, callingAe = 'MR1') => ({
  id,
  callingAe,
  calledAe: 'CALCIDISC',
  remoteAddress: '::1',
  openedAt: new Date(),
});

/** The same, done with. */
export const ended = (id: string, how: AssociationEnd = 'released'): EndedAssociation => ({
  id,
  how,
  endedAt: new Date(),
});

export const SLICES = 5;
const SIDE = 8;
/** Nobody reads here. */
const READER = {
  localiser: { name: 'localiser', version: '0', sha256: '0'.repeat(64) },
  sha256: '1'.repeat(64),
};

export const MR_IMAGE = '1.2.840.10008.5.1.4.1.1.4';

/** The header of one slice of a lumbar T2. */
export function lumbarT2(
  { studyInstanceUid, seriesInstanceUid, patientId }: Series,
  index: number,
  over: Elements = {},
): Elements {
  return {
    SOPClassUID: MR_IMAGE,
    SOPInstanceUID: `${seriesInstanceUid.slice(0, 50)}.${index}`,
    StudyInstanceUID: studyInstanceUid,
    SeriesInstanceUID: seriesInstanceUid,
    Modality: 'MR',
    PatientID: patientId,
    PatientName: 'DOE^JANE',
    StudyDate: '20240110',
    AcquisitionDate: '20240110',
    BodyPartExamined: 'LSPINE',
    SeriesDescription: 't2_tse_sag',
    ScanningSequence: 'SE',
    EchoTime: '100',
    RepetitionTime: '3500',
    InstanceNumber: String(index),
    ImageOrientationPatient: '0\\1\\0\\0\\0\\-1',
    ImagePositionPatient: `${index * 4.4}\\0\\0`,
    ...over,
  };
}

/** The same with a birth date, an accession number, and pixels of its own. */
export function slice(
  series: Series,
  index: number,
  over: Elements = {},
  more: { readonly pixel?: number; readonly tail?: Uint8Array } = {},
): Uint8Array {
  const pixelData = new Uint8Array(2 * SIDE * SIDE).fill(more.pixel ?? index);
  const elements = lumbarT2(series, index, {
    PatientBirthDate: '19600101',
    AccessionNumber: 'ACC-1',
    SamplesPerPixel: [1],
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: [SIDE],
    Columns: [SIDE],
    BitsAllocated: [16],
    BitsStored: [12],
    HighBit: [11],
    PixelRepresentation: [0],
    ...over,
  });
  return writePart10(elements, { pixelData, ...(more.tail ? { tail: more.tail } : {}) });
}

export const slices = (series: Series, over: Elements = {}, more: Parameters<typeof slice>[3] = {}) =>
  Array.from({ length: SLICES }, (_, i) => slice(series, i + 1, over, more));

export interface Rig {
  readonly spool: Spool;
  readonly assembler: Assembler;
  /** One association that brings these files and is released; resolves when they are in the index. */
  bring(files: readonly Uint8Array[], callingAe?: string): Promise<readonly SpooledFile[]>;
  /** The files lie in the spool as if the process had died before it moved them. */
  again(files: readonly SpooledFile[], bytes: readonly Uint8Array[]): Promise<void>;
  seriesOf(series: Series): Promise<NonNullable<Awaited<ReturnType<typeof findSeries>>>>;
  studyOf(series: Series): Promise<NonNullable<Awaited<ReturnType<typeof findStudy>>>>;
  caseOf(series: Series): Promise<CaseRow | undefined>;
  complete(series: Series): Promise<void>;
  close(): Promise<void>;
}

/** An assembler on a real spool and database, without anything behind it. */
export async function openRig(db: ReturnType<typeof useDatabase>): Promise<Rig> {
  const dir = join(db.config.dataDir, 'spool');
  await rm(dir, { recursive: true, force: true });
  const spool = await openSpool({ dir, log: quietLog });
  const config = parseConfig({ assemble: { releaseGraceMs: 20, manyAssociationsGraceMs: 40 } });
  const assembler = startAssembler({
    config,
    database: db.database,
    dataDir: db.config.dataDir,
    spool,
    decideRole: compileRules(config.route),
    log: quietLog,
    onSeriesComplete: (trx, series) => seriesComplete(trx, series, { reader: READER }),
    wake: () => undefined,
  });
  const { knex } = db.database;
  const seriesOf = async ({ seriesInstanceUid }: Series) => (await findSeries(knex, seriesInstanceUid))!;
  return {
    spool,
    assembler,
    async bring(files, callingAe = 'MR1') {
      const id = randomUUID();
      assembler.associationOpened(opened(id, callingAe));
      const spooled: SpooledFile[] = [];
      for (const file of files) spooled.push(await toSpool(spool, file, callingAe, id));
      for (const each of spooled) assembler.stored(each);
      assembler.associationEnded(ended(id));
      await assembler.settled();
      return spooled;
    },
    async again(files, bytes) {
      await mkdir(join(dir, 'new'), { recursive: true });
      for (const [i, { path }] of files.entries()) await writeFile(path, bytes[i]!);
      for (const each of files) assembler.stored(each);
      await assembler.settled();
    },
    seriesOf,
    studyOf: async ({ studyInstanceUid }) => (await findStudy(knex, studyInstanceUid))!,
    caseOf: async ({ studyInstanceUid }) =>
      (await listCases(knex, { mrStudyInstanceUid: studyInstanceUid }))[0],
    async complete(series) {
      await until(async () => (await seriesOf(series)).state === 'complete', 20_000);
    },
    async close() {
      await assembler.close();
      await spool.close();
    },
  };
}

async function toSpool(
  spool: Spool,
  file: Uint8Array,
  callingAe: string,
  associationId: string,
): Promise<SpooledFile> {
  const { meta } = decodeFileMeta(Buffer.from(file))!;
  const receivedAt = new Date();
  const name = `${receivedAt.getTime()}-${associationId}-${randomUUID().slice(0, 8)}.dcm`;
  const path = join(spool.dir, 'new', name);
  await writeFile(path, file);
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = meta;
  const uids = { sopClassUid, sopInstanceUid, transferSyntaxUid };
  return { path, ...uids, sizeBytes: file.length, callingAe, associationId, receivedAt };
}
