import type { CaseRow } from '../db/cases.js';
import { gather } from '../db/gather.js';
import type { Tx } from '../db/knex.js';
import { listPictures, type RegionPicture } from '../db/regions.js';
import type { ModelFolders } from './modelFiles.js';
import { type ClassifiersAtWork, classifiersAtWork } from './registry.js';

export interface Material {
  readonly regions: readonly RegionPicture[];
  readonly atWork: ClassifiersAtWork | { readonly missing: string };
}

/**
 * Reads what cases are classified by, for those that come together by one statement each. The registry is asked every
 * time, after the case was taken: a change needs no restart.
 */
export function readMaterial(
  tx: Tx,
  folders: ModelFolders,
  limit: number,
): (row: CaseRow) => Promise<Material> {
  return gather<CaseRow, Material>({
    limit,
    waitMs: 0,
    async run(rows) {
      const [pictures, atWork] = await Promise.all([listPictures(tx, rows), classifiersAtWork(tx, folders)]);
      return pictures.map((regions) => ({ regions, atWork }));
    },
  });
}
