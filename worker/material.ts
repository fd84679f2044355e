import type { Tx } from '../db/server/knex.js';
import type { CaseRow } from '../db/tables/cases.js';
import { listPictures, type RegionPicture } from '../db/tables/regions.js';
import { gather } from '../db/work/gather.js';
import type { ModelFolders } from '../models/catalogue/modelFiles.js';
import { type ClassifiersAtWork, classifiersAtWork } from '../models/catalogue/registry.js';

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
