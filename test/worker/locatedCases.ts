import { randomUUID } from 'node:crypto';
import { sha256 } from '../../agent/domain/hash.js';
import { LEVELS, type Level } from '../../agent/domain/levels.js';
import type { Database } from '../../db/server/database.js';
import { type CaseRow, createCase, findCase } from '../../db/tables/cases.js';
import { insertRegions } from '../../db/tables/regions.js';
import { until } from '../support/until.js';

export interface CaseRegion {
  readonly level: Level;
  readonly png: Uint8Array;
  /** Recorded in place of the true one. */
  readonly pngSha256?: string;
}

export function regionsOf(pngs: readonly Uint8Array[]): CaseRegion[] {
  return pngs.map((png, i) => ({ level: LEVELS[i]!, png }));
}

/** A case as the agent leaves it to the worker: located, with these regions. */
export async function insertLocatedCase(
  { knex }: Database,
  regions: readonly CaseRegion[],
): Promise<CaseRow> {
  const uid = `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;
  const study = { mrStudyInstanceUid: `${uid}.1`, mrSeriesInstanceUid: `${uid}.2` };
  await knex('study').insert({ studyInstanceUid: study.mrStudyInstanceUid });
  await knex('series').insert({
    seriesInstanceUid: study.mrSeriesInstanceUid,
    studyInstanceUid: study.mrStudyInstanceUid,
    modality: 'MR',
  });
  return knex.transaction(async (trx) => {
    const { case: row } = await createCase(trx, study);
    await insertRegions(
      trx,
      regions.map(({ level, png, pngSha256 }) => ({
        caseId: row.id,
        revision: row.revision,
        level,
        sopInstanceUid: `${uid}.3`,
        centrePatientMm: [0, 0, 0] as const,
        centrePixel: [100, 100] as const,
        roiPixel: [80, 80, 120, 120] as const,
        marginMm: 10,
        confidence: 1,
        png,
        pngSha256: pngSha256 ?? sha256(png),
      })),
    );
    await trx('case').where({ id: row.id }).update({ state: 'located' });
    return { ...row, state: 'located' };
  });
}

/** Waits until the case is no longer located, or is put off or parked. */
export async function settled({ knex }: Database, id: string, timeoutMs = 20_000): Promise<CaseRow> {
  return until(async () => {
    const row = (await findCase(knex, id))!;
    return row.state !== 'located' || row.lastErrorCode !== null ? row : null;
  }, timeoutMs);
}
