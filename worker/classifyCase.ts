import { asCalcidiscError, CalcidiscError } from '../agent/dicom/errors.js';
import type { Logger } from '../config/log.js';
import type { CaseRow } from '../db/cases.js';
import type { Database } from '../db/database.js';
import { insertInferences, type NewInference } from '../db/inferences.js';
import { listRegions, type RegionRow } from '../db/regions.js';
import type { StepEnd } from '../db/runStep.js';
import { encodeCam } from './cam.js';
import type { Engine, Inference } from './engine.js';
import type { ModelFolders } from './modelFiles.js';
import { openRegion } from './region.js';
import { type Classifier, type ClassifiersAtWork, classifiersAtWork, openClassifier } from './registry.js';

export interface WorkerTools {
  readonly database: Database;
  readonly engine: Engine;
  readonly folders: ModelFolders;
  readonly log: Logger;
}

/**
 * One unit of work: the regions of a located case are classified; the answers are saved as the case moves on.
 * A case without regions (no discs found) moves on without answers.
 * @throws CalcidiscError whatever kept a region from being classified: it names the level
 */
export async function classifyCase(tools: WorkerTools, { id, revision }: CaseRow): Promise<StepEnd> {
  const { knex } = tools.database;
  const regions = await listRegions(knex, id, revision);
  const atWork = regions.length > 0 ? await classifiersAtWork(knex, tools.folders) : null;
  if (atWork && 'missing' in atWork) {
    tools.log.warn({ caseId: id, revision }, `a case waits for a classifier: ${atWork.missing}`);
    return { postponeMs: WAIT_FOR_MODEL_MS };
  }
  const answers = atWork ? await classifyRegions(tools, atWork, regions) : NO_ANSWERS;
  return {
    to: 'classified',
    save: (trx) => insertInferences(trx, answers.inferences),
    auditDetail: { regions: regions.length, ...answers.detail },
  };
}

/** Nothing is wrong with the case, so waiting for a model costs it none of its attempts. */
const WAIT_FOR_MODEL_MS = 5_000;
const NO_ANSWERS = { inferences: [], detail: {} };

async function classifyRegions(
  tools: WorkerTools,
  { active, shadows }: ClassifiersAtWork,
  regions: readonly RegionRow[],
) {
  const greys = await openRegions(regions);
  const [deciding, ...recording] = await Promise.all([
    runClassifier(tools, active, 'active', regions, greys),
    ...shadows.map((row) =>
      runShadow(
        tools,
        () => openClassifier(row, tools.folders),
        `${row.name}@${row.version}`,
        regions,
        greys,
      ),
    ),
  ]);
  return {
    inferences: [...deciding, ...recording.flat()],
    detail: {
      model: `${active.row.name}@${active.row.version}`,
      modelSha256: active.sha256,
      calcified: regions.filter((_, i) => deciding[i]?.calcified).map(({ level }) => level),
      shadows: shadows.map(({ name, version }) => `${name}@${version}`),
    },
  };
}

function openRegions(regions: readonly RegionRow[]): Promise<Uint8Array[]> {
  return Promise.all(
    regions.map((region) => openRegion(region, { discRegionId: region.id, level: region.level })),
  );
}

/** A shadow only records: whatever is wrong with it is said, and holds nobody up. */
async function runShadow(
  tools: WorkerTools,
  open: () => Classifier,
  named: string,
  regions: readonly RegionRow[],
  greys: readonly Uint8Array[],
): Promise<NewInference[]> {
  try {
    return await runClassifier(tools, open(), 'shadow', regions, greys);
  } catch (thrown) {
    const { code, message } = asCalcidiscError(thrown);
    tools.log.error({ model: named, code, caseId: regions[0]?.caseId }, `shadow model failed: ${message}`);
    return [];
  }
}

async function runClassifier(
  { engine }: WorkerTools,
  classifier: Classifier,
  role: NewInference['role'],
  regions: readonly RegionRow[],
  greys: readonly Uint8Array[],
): Promise<NewInference[]> {
  const settled = await Promise.allSettled(engine.classify(classifier, greys));
  return settled.map((answer, i) => {
    const region = regions[i]!;
    if (answer.status === 'fulfilled') return toRow(classifier, role, region, answer.value);
    throw aboutRegion(answer.reason, region);
  });
}

function toRow(
  { row, sha256, card }: Classifier,
  role: NewInference['role'],
  region: RegionRow,
  { cam, ...inference }: Inference,
): NewInference {
  // As the database keeps it: the stored numbers alone must give the decision again.
  const threshold = Math.fround(card.threshold);
  return {
    ...inference,
    discRegionId: region.id,
    modelId: row.id,
    role,
    threshold,
    calcified: inference.probability >= threshold,
    modelSha256: sha256,
    pngSha256: region.pngSha256,
    cam: cam && encodeCam(cam),
  };
}

function aboutRegion(thrown: unknown, { id, level }: RegionRow): CalcidiscError {
  const { code, message, subject } = asCalcidiscError(thrown);
  return new CalcidiscError(
    code,
    `${level}: ${message}`,
    { ...subject, discRegionId: id, level },
    { cause: thrown },
  );
}
