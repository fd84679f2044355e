import type { LocateStatus } from '../../agent/domain/locateStatuses.js';
import type { PictureFigures } from '../../agent/domain/pictureFigures.js';
import type { SliceGrey } from '../../agent/domain/sliceGrey.js';
import { json, type Tx } from '../server/knex.js';

export interface LocalisationRow {
  readonly caseId: string;
  readonly revision: number;
  readonly modality: 'MR' | 'CT';
  readonly seriesInstanceUid: string;
  readonly status: LocateStatus;
  readonly reasons: readonly string[];
  readonly sliceSopInstanceUid: string | null;
  readonly sliceIndex: number | null;
  readonly sliceCount: number | null;
  /** 8-bit grey. */
  readonly slicePng: Uint8Array | null;
  /** [row spacing, column spacing] as in PixelSpacing. */
  readonly pixelSpacingMm: readonly [row: number, col: number] | null;
  /** How its stored values became its greys; null for a CT and for a reading of an older version. */
  readonly sliceGrey: SliceGrey | null;
  /** As the previous. */
  readonly pictureFigures: PictureFigures | null;
  readonly localiserName: string;
  readonly localiserVersion: string;
  readonly localiserSha256: string;
  readonly milliseconds: number;
  readonly createdAt: Date;
}

export type NewLocalisation = Omit<LocalisationRow, 'createdAt' | 'sliceGrey' | 'pictureFigures'> &
  Partial<Pick<LocalisationRow, 'sliceGrey' | 'pictureFigures'>>;

/** @returns false when the revision has its localisation already: the first one stands */
export async function insertLocalisation(tx: Tx, localisation: NewLocalisation): Promise<boolean> {
  const { reasons, pixelSpacingMm, sliceGrey, pictureFigures, slicePng } = localisation;
  const rows = await tx('localisation')
    .insert({
      ...localisation,
      reasons: json(reasons),
      pixelSpacingMm: pixelSpacingMm && json(pixelSpacingMm),
      sliceGrey: sliceGrey ? json(sliceGrey) : null,
      pictureFigures: pictureFigures ? json(pictureFigures) : null,
      slicePng: slicePng && Buffer.from(slicePng),
    })
    .onConflict(['caseId', 'revision', 'modality'])
    .ignore()
    .returning('caseId');
  return rows.length > 0;
}

export async function findLocalisation(
  tx: Tx,
  caseId: string,
  revision: number,
  modality: LocalisationRow['modality'],
): Promise<LocalisationRow | null> {
  return (await tx('localisation').where({ caseId, revision, modality }).first('*')) ?? null;
}
