import { randomUUID } from 'node:crypto';
import type { CtLabel } from '../../agent/domain/ctLabels.js';
import type { Level } from '../../agent/domain/levels.js';
import { json, type Tx } from '../server/knex.js';
import { levelOrder } from '../tables/levelOrder.js';

/** A region that a person drew on one image of a case's MR series. */
export interface ReaderRegionRow {
  readonly id: string;
  readonly caseId: string;
  readonly level: Level;
  readonly reader: string;
  /** null: the reader said where, not what. */
  readonly label: CtLabel | null;
  readonly sopInstanceUid: string;
  readonly frame: number;
  /** [x, y, z], LPS. */
  readonly centrePatientMm: readonly [number, number, number];
  /** [col0, row0, col1, row1] of the stored image. */
  readonly roiPixel: readonly [number, number, number, number];
  readonly distanceMm: number;
  readonly turnedDegrees: number;
  /** As the classifier would see it: 224 by 224, 8-bit grey. */
  readonly png: Uint8Array;
  readonly pngSha256: string;
  readonly fileSha256: string;
  readonly importedBy: string;
  readonly createdAt: Date;
}

export type NewReaderRegion = Omit<ReaderRegionRow, 'id' | 'createdAt'>;

/** @returns how many were new; what the same file said before stands */
export async function insertReaderRegions(tx: Tx, regions: readonly NewReaderRegion[]): Promise<number> {
  if (regions.length === 0) return 0;
  const rows = await tx('readerRegion')
    .insert(
      regions.map((region) => ({
        ...region,
        id: randomUUID(),
        centrePatientMm: json(region.centrePatientMm),
        roiPixel: json(region.roiPixel),
        png: Buffer.from(region.png),
      })),
    )
    .onConflict(['caseId', 'reader', 'level', 'fileSha256'])
    .ignore()
    .returning('id');
  return rows.length;
}

export type ReaderRegion = Omit<ReaderRegionRow, 'png'>;

/** The newest of each case, reader and level, from above down; pictures are found by their id. */
export async function listReaderRegions(
  tx: Tx,
  filter: { readonly caseId?: string; readonly reader?: string } = {},
): Promise<ReaderRegion[]> {
  const query = tx('readerRegion')
    .distinctOn(['caseId', 'reader', 'level'])
    .orderBy(['caseId', 'reader', 'level', { column: 'createdAt', order: 'desc' }])
    .select(COLUMNS)
    .as('newest');
  if (filter.caseId) query.where({ caseId: filter.caseId });
  if (filter.reader) query.where({ reader: filter.reader });
  return tx.select('*').from(query).orderBy(['caseId', 'reader']).orderByRaw(levelOrder('level'));
}

export async function listReaders(tx: Tx): Promise<string[]> {
  const rows: { reader: string }[] = await tx('readerRegion').distinct('reader').orderBy('reader');
  return rows.map(({ reader }) => reader);
}

const COLUMNS = [
  'id',
  'caseId',
  'level',
  'reader',
  'label',
  'sopInstanceUid',
  'frame',
  'centrePatientMm',
  'roiPixel',
  'distanceMm',
  'turnedDegrees',
  'pngSha256',
  'fileSha256',
  'importedBy',
  'createdAt',
] as const;
