import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import type { DicomForm } from '../../config/destinations.js';
import type { Tx } from '../server/knex.js';

/** A report in another form: a DICOM object in a series of its own. */
export interface ReportObjectRow {
  readonly reportId: string;
  readonly form: Exclude<DicomForm, 'sr'>;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopClassUid: string;
  /** The whole DICOM file; null: deleted by policy. */
  readonly file: Uint8Array | null;
  readonly fileSha256: string;
}

export type ReportObjectFacts = Omit<ReportObjectRow, 'file'>;

/** As it is written: compressed before the transaction. */
export interface PackedObject extends Omit<ReportObjectFacts, 'reportId'> {
  readonly fileGzip: Buffer;
}

/** A picture has megabytes: by zlib's 16 KiB the main thread would be asked five hundred times. */
const CHUNK_BYTES = 1 << 18;

export async function packObject({
  file,
  ...facts
}: Omit<ReportObjectRow, 'reportId' | 'file'> & { readonly file: Uint8Array }): Promise<PackedObject> {
  const options = { level: constants.Z_BEST_SPEED, chunkSize: CHUNK_BYTES };
  return { ...facts, fileGzip: await promisify(gzip)(file, options) };
}

/** One of each form: the first stands, so that a retry sends the same bytes. @returns whether this is the first */
export async function insertReportObject(tx: Tx, reportId: string, packed: PackedObject): Promise<boolean> {
  // Whichever of its keys two at once meet first.
  const rows = await tx('reportObject')
    .insert({ ...packed, reportId })
    .onConflict()
    .ignore()
    .returning('form');
  return rows.length > 0;
}

export async function findReportObject(
  tx: Tx,
  reportId: string,
  form: ReportObjectRow['form'],
): Promise<ReportObjectRow | null> {
  const row = await tx('reportObject').where({ reportId, form }).first('*');
  if (!row) return null;
  const { fileGzip, createdAt: _, ...facts } = row;
  if (!fileGzip) return { ...facts, file: null };
  const file: Buffer = await promisify(gunzip)(fileGzip, { chunkSize: CHUNK_BYTES });
  return { ...facts, file: new Uint8Array(file.buffer, file.byteOffset, file.byteLength) };
}

const FACTS = [
  'reportId',
  'form',
  'sopInstanceUid',
  'seriesInstanceUid',
  'sopClassUid',
  'fileSha256',
] as const;

/** Without the files. */
export function listReportObjects(tx: Tx, reportId: string): Promise<ReportObjectFacts[]> {
  return tx('reportObject')
    .where({ reportId })
    .orderBy('form')
    .select(...FACTS);
}

/** Those that a destination has. */
export function listObjectsTaken(tx: Tx, deliveryId: string): Promise<ReportObjectFacts[]> {
  return tx('reportObject')
    .join('delivery', 'delivery.reportId', 'reportObject.reportId')
    .join('deliveryForm', (on) => {
      on.on('deliveryForm.deliveryId', 'delivery.id').andOn('deliveryForm.form', 'reportObject.form');
    })
    .where('delivery.id', deliveryId)
    .orderBy('reportObject.form')
    .select(...FACTS.map((name) => `reportObject.${name}`));
}
