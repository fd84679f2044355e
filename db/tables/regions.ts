import { randomUUID } from 'node:crypto';
import type { Level } from '../../agent/domain/levels.js';
import { json, type Tx } from '../server/knex.js';
import { levelOrder } from './levelOrder.js';

export interface RegionRow {
  readonly id: string;
  readonly caseId: string;
  readonly revision: number;
  readonly level: Level;
  readonly sopInstanceUid: string;
  /** Of a multi-frame object, from 1. */
  readonly frameNumber: number | null;
  /** [x, y, z], LPS. */
  readonly centrePatientMm: readonly [number, number, number];
  /** [column, row] */
  readonly centrePixel: readonly [number, number];
  /** [col0, row0, col1, row1] */
  readonly roiPixel: readonly [number, number, number, number];
  readonly marginMm: number;
  /** 0..1 */
  readonly confidence: number;
  /** Exactly what the classifier sees: 224 by 224, 8-bit grey; null: deleted by policy. */
  readonly png: Uint8Array | null;
  readonly pngSha256: string;
  readonly createdAt: Date;
}

export type NewRegion = Omit<RegionRow, 'id' | 'createdAt' | 'frameNumber' | 'png'> &
  Partial<Pick<RegionRow, 'frameNumber'>> & { readonly png: Uint8Array };

/** @returns how many were new; a region that the revision has already stands */
export async function insertRegions(tx: Tx, regions: readonly NewRegion[]): Promise<number> {
  if (regions.length === 0) return 0;
  const rows = await tx('discRegion')
    .insert(
      regions.map((region) => ({
        ...region,
        id: randomUUID(),
        centrePatientMm: json(region.centrePatientMm),
        centrePixel: json(region.centrePixel),
        roiPixel: json(region.roiPixel),
        png: Buffer.from(region.png),
      })),
    )
    .onConflict(['caseId', 'revision', 'level'])
    .ignore()
    .returning('id');
  return rows.length;
}

/** From above down. */
export function listRegions(tx: Tx, caseId: string, revision: number): Promise<RegionRow[]> {
  return tx('discRegion').where({ caseId, revision }).orderByRaw(levelOrder('level')).select('*');
}

/** What the classifier needs of a region. */
export type RegionPicture = Pick<NewRegion, 'caseId' | 'level' | 'png' | 'pngSha256'> & {
  readonly id: string;
};

/** Of open cases, whose pictures nobody deletes. Of several cases by one statement, from above down; in the order given. */
export async function listPictures(
  tx: Tx,
  cases: readonly { readonly id: string; readonly revision: number }[],
): Promise<RegionPicture[][]> {
  const rows: RegionPicture[] = await tx('discRegion')
    .whereIn(
      ['caseId', 'revision'],
      cases.map(({ id, revision }) => [id, revision]),
    )
    .orderByRaw(levelOrder('level'))
    .select('id', 'caseId', 'level', 'png', 'pngSha256');
  return cases.map(({ id }) => rows.filter(({ caseId }) => caseId === id));
}

export async function findRegion(
  tx: Tx,
  caseId: string,
  revision: number,
  level: Level,
): Promise<RegionRow | null> {
  return (await tx('discRegion').where({ caseId, revision, level }).first('*')) ?? null;
}
