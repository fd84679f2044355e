import type { Answer } from '../../agent/domain/answers.js';
import { type CtLabel, ctLabelOf } from '../../agent/domain/ctLabels.js';
import { CAM_SIDE, encodeCam } from '../../worker/cam.js';
import { BOX_STEP, FIRST_BOX, type Picture } from './pictures.js';
import type { Row, RowContext, RowsByTable, SeedModel, StudyNames } from './rowTypes.js';
import type { SeededDisc, SeededStudy } from './studies.js';

export interface DiscOfStudy {
  readonly study: SeededStudy;
  readonly names: StudyNames;
  readonly disc: SeededDisc;
  /** From above, from 0. */
  readonly order: number;
}

/** A disc's region, its CT measurement and every model's answer. */
export function addDisc(
  rows: RowsByTable,
  context: RowContext,
  { study, names, disc, order }: DiscOfStudy,
): void {
  const { ids, pictures } = context;
  const { caseId, createdAt } = names;
  const picture = disc.isCalcified ? pictures.calcified : pictures.plain;
  const regionId = ids.uuid('region', study.number, disc.level);
  const box = boxOf(order);
  const place = { caseId, revision: 1, level: disc.level, ...box, confidence: disc.confidence, createdAt };
  rows.disc_region.push({
    id: regionId,
    ...place,
    sopInstanceUid: ids.uid('slice', 'MR', study.number),
    marginMm: 10,
    png: picture.png,
    pngSha256: picture.sha256,
  });
  if (names.ctDate) rows.ct_measurement.push({ ...place, ...measured(disc, study.number) });
  for (const [m, model] of context.models.entries())
    rows.inference.push(
      inferenceRow({ context, model, order: m, regionId, study, disc, picture, createdAt }),
    );
}

function boxOf(order: number) {
  const [left, top, right, bottom] = FIRST_BOX;
  const down = BOX_STEP * order;
  return {
    centrePatientMm: [0, 20, -35 * order],
    centrePixel: [(left + right) / 2, (top + bottom) / 2 + down],
    roiPixel: [left, top + down, right, bottom + down],
  };
}

function measured({ isCalcified, level }: SeededDisc, number: number) {
  const label: CtLabel =
    (number * 7 + level.charCodeAt(1)) % 40 === 0 ? 'indeterminate' : ctLabelOf(isCalcified);
  return {
    label,
    meanHu: isCalcified ? 212 : 74,
    maxHu: isCalcified ? 344 : 118,
    areaMm2: isCalcified ? 31 : 0,
    huLow: 120.1,
    huHigh: 383.7,
  };
}

interface InferenceOf {
  readonly context: RowContext;
  readonly model: SeedModel;
  readonly order: number;
  readonly regionId: string;
  readonly study: SeededStudy;
  readonly disc: SeededDisc;
  readonly picture: Picture;
  readonly createdAt: Date;
}

function inferenceRow({
  context,
  model,
  order,
  regionId,
  study,
  disc,
  picture,
  createdAt,
}: InferenceOf): Row {
  const { answer, reasons, probability } = answerOf(disc, order, model);
  return {
    id: context.ids.uuid('inference', study.number, disc.level, order),
    discRegionId: regionId,
    modelId: model.row.id,
    role: order === 0 ? 'active' : 'shadow',
    probability,
    threshold: model.threshold,
    answer,
    reasons,
    distance: Math.fround(disc.distance),
    modelSha256: model.row.sha256,
    pngSha256: picture.sha256,
    cam: order === 0 ? CAM : null,
    provider: 'seeded',
    runtime: 'none: invented',
    batchSize: 5,
    batchPosition: 0,
    milliseconds: 90,
    createdAt: new Date(createdAt.getTime() + study.secondsToReport * 900),
  };
}

/** Where the drawn spot is (pictures.ts), for every region alike. */
const CAM = encodeCam(
  Float32Array.from({ length: CAM_SIDE ** 2 }, (_, i) => {
    const [row, col] = [Math.floor(i / CAM_SIDE), i % CAM_SIDE];
    return Math.exp(-((row - 3) ** 2 + (col - 5) ** 2) / 3);
  }),
);

/** The invented score, moved so that a model's own threshold lies where it should. */
export function answerOf(
  { probabilities, isUnstated }: SeededDisc,
  order: number,
  { threshold }: SeedModel,
): { readonly probability: number; readonly answer: Answer; readonly reasons: readonly string[] } {
  const logit = (share: number) => Math.log(share / (1 - share));
  const probability = Math.fround(1 / (1 + Math.exp(-(logit(probabilities[order]!) + logit(threshold)))));
  if (isUnstated)
    return { probability, answer: 'indeterminate', reasons: ['seeded: the score lies between the bounds'] };
  return { probability, answer: probability >= threshold ? 'calcified' : 'not-calcified', reasons: [] };
}
