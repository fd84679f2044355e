import sharp from 'sharp';
import type { Answer } from '../../agent/domain/answers.js';
import type { CtLabel } from '../../agent/domain/ctLabels.js';
import { sha256 } from '../../agent/domain/hash.js';
import { LEVELS } from '../../agent/domain/levels.js';
import type { Database } from '../../db/server/database.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { insertInferences } from '../../db/tables/inferences.js';
import { insertLocalisation } from '../../db/tables/localisations.js';
import { insertMeasurements } from '../../db/tables/measurements.js';
import type { ModelRow } from '../../db/tables/models.js';
import { insertPairing } from '../../db/tables/pairings.js';
import { insertRegions } from '../../db/tables/regions.js';
import { seededRandom } from '../../models/statistics/bootstrap.js';

/** A disc as a test wants it. */
export interface WantedDisc {
  readonly answer: Answer;
  readonly probability: number;
  readonly ctLabel: CtLabel | null;
  readonly reasons?: readonly string[];
}

/** By chance, but the same for the same seed: a fifth without a CT, one disc in twelve calcified, mostly found. */
export function chanceDiscs(seed: number): readonly WantedDisc[] {
  const random = seededRandom(seed);
  const hasCt = random() < 0.8;
  return LEVELS.map(() => {
    const isCalcified = random() < 1 / 12;
    const probability = isCalcified ? 0.35 + 0.6 * random() : 0.75 * random() ** 3;
    const shade = random();
    const ctLabel = !hasCt
      ? null
      : shade < 0.04
        ? 'indeterminate'
        : isCalcified
          ? 'calcified'
          : 'not-calcified';
    if (shade > 0.95) {
      const reasons = ['the picture is unlike those the network learnt from'];
      return { answer: 'not-assessable', probability, ctLabel, reasons };
    }
    return { answer: probability >= 0.5 ? 'calcified' : 'not-calcified', probability, ctLabel };
  });
}

const GREY = (background: string, width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
let pictures: Promise<{ region: Buffer; ctSlice: Buffer }> | undefined;

async function drawn() {
  pictures ??= (async () => ({
    region: await GREY('#707070', 224, 224),
    ctSlice: await GREY('#404040', 256, 320),
  }))();
  return pictures;
}

/** Discs of a case from above down, each with a region, an answer, and the CT's word where it has one. */
export async function insertDiscs(
  { knex }: Pick<Database, 'knex'>,
  { id: caseId, revision, mrSeriesInstanceUid }: CaseRow,
  model: ModelRow,
  discs: readonly WantedDisc[],
): Promise<void> {
  const { region, ctSlice } = await drawn();
  const at = { caseId, revision, centrePatientMm: [0, 0, 0], centrePixel: [112, 112] } as const;
  await insertRegions(
    knex,
    LEVELS.map((level) => ({
      ...at,
      level,
      sopInstanceUid: '1.2.3',
      roiPixel: [10, 10, 60, 40],
      marginMm: 10,
      confidence: 0.9,
      png: region,
      pngSha256: sha256(region),
    })),
  );
  const ids: { id: string; level: string }[] = await knex('discRegion')
    .where({ caseId })
    .select('id', 'level');
  await insertInferences(
    knex,
    discs.map(({ answer, probability, reasons = [] }, i) => ({
      discRegionId: ids.find(({ level }) => level === LEVELS[i])!.id,
      modelId: model.id,
      role: 'active',
      probability,
      threshold: 0.5,
      alone: null,
      distance: null,
      answer,
      reasons,
      modelSha256: model.sha256,
      pngSha256: sha256(region),
      provider: 'cpu',
      runtime: 'test',
      batchSize: 5,
      batchPosition: i,
      milliseconds: 1,
      cam: null,
    })),
  );
  const isPaired = discs.some(({ ctLabel }) => ctLabel !== null);
  await insertPairing(knex, {
    caseId,
    revision,
    ctSeriesInstanceUid: null,
    mrAcquisitionDate: '2026-01-10',
    ctAcquisitionDate: isPaired ? '2026-01-12' : null,
    intervalDays: isPaired ? 2 : null,
    outcome: isPaired ? 'paired' : 'no-ct',
    candidates: [],
  });
  if (!isPaired) return;
  await insertLocalisation(knex, {
    caseId,
    revision,
    modality: 'CT',
    seriesInstanceUid: mrSeriesInstanceUid,
    status: 'located',
    reasons: [],
    sliceSopInstanceUid: null,
    sliceIndex: null,
    sliceCount: null,
    slicePng: ctSlice,
    pixelSpacingMm: [0.8, 0.8],
    localiserName: 'localiser',
    localiserVersion: '1',
    localiserSha256: 'cd'.repeat(32),
    milliseconds: 1,
  });
  await insertMeasurements(
    knex,
    discs.flatMap(({ ctLabel }, i) =>
      ctLabel === null
        ? []
        : [
            {
              ...at,
              level: LEVELS[i]!,
              label: ctLabel,
              meanHu: ctLabel === 'calcified' ? 210 : null,
              maxHu: ctLabel === 'calcified' ? 290 : 80,
              areaMm2: ctLabel === 'calcified' ? 12 : 0,
              huLow: 120.1,
              huHigh: 383.7,
              roiPixel: [60, 40 + 40 * i, 110, 70 + 40 * i],
              confidence: 0.9,
            },
          ],
    ),
  );
}
