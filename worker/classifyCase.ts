import type { Answer } from '../agent/domain/answers.js';
import { asCalcidiscError, CalcidiscError } from '../agent/domain/errors.js';
import type { Logger } from '../config/log.js';
import type { CaseRow } from '../db/tables/cases.js';
import type { NewInference } from '../db/tables/inferences.js';
import type { RegionPicture } from '../db/tables/regions.js';
import type { StepEnd } from '../db/work/runStep.js';
import type { ModelFolders } from '../models/catalogue/modelFiles.js';
import { type Classifier, type ClassifiersAtWork, openClassifier } from '../models/catalogue/registry.js';
import { decideSpine, type Judged } from './answer.js';
import { encodeCam } from './cam.js';
import type { Engine, Inference } from './engine.js';
import type { Material } from './material.js';

export interface WorkerTools {
  readonly engine: Engine;
  readonly folders: ModelFolders;
  readonly log: Logger;
  /** What a case is classified by: its regions, and the classifiers at work now. */
  material(row: CaseRow): Promise<Material>;
}

/**
 * One unit of work: the regions of a located case are classified; the answers are saved as the case moves on.
 * A case without regions (no discs found) moves on without answers.
 * @throws CalcidiscError whatever kept a region from being classified: it names the level
 */
export async function classifyCase(tools: WorkerTools, row: CaseRow): Promise<StepEnd> {
  const { regions, atWork } = await tools.material(row);
  if (regions.length === 0) return { to: 'classified', auditDetail: { regions: 0 } };
  if ('missing' in atWork) {
    const { id: caseId, revision } = row;
    tools.log.warn({ caseId, revision }, `a case waits for a classifier: ${atWork.missing}`);
    return { postponeMs: WAIT_FOR_MODEL_MS, waitingFor: `a classifier: ${atWork.missing}` };
  }
  const answers = await classifyRegions(tools, atWork, regions);
  return {
    to: 'classified',
    inferences: answers.inferences,
    auditDetail: { regions: regions.length, ...answers.detail },
  };
}

/** Nothing is wrong with the case, so waiting for a model costs it none of its attempts. */
const WAIT_FOR_MODEL_MS = 5_000;

async function classifyRegions(
  tools: WorkerTools,
  { active, shadows }: ClassifiersAtWork,
  regions: readonly RegionPicture[],
) {
  const [deciding, ...recording] = await Promise.all([
    runClassifier(tools, active, 'active', regions),
    ...shadows.map((row) =>
      runShadow(tools, () => openClassifier(row, tools.folders), `${row.name}@${row.version}`, regions),
    ),
  ]);
  return {
    inferences: [...deciding, ...recording.flat()],
    detail: {
      model: `${active.row.name}@${active.row.version}`,
      modelSha256: active.sha256,
      ...byAnswer(regions, deciding),
      shadows: shadows.map(({ name, version }) => `${name}@${version}`),
    },
  };
}

/** The levels of each answer but the plainest, for the trail: what is not stated is said there too. */
function byAnswer(regions: readonly RegionPicture[], deciding: readonly NewInference[]) {
  const of = (answer: Answer) =>
    regions.filter((_, i) => deciding[i]?.answer === answer).map(({ level }) => level);
  const [indeterminate, notAssessable] = [of('indeterminate'), of('not-assessable')];
  return {
    calcified: of('calcified'),
    ...(indeterminate.length > 0 && { indeterminate }),
    ...(notAssessable.length > 0 && { notAssessable }),
  };
}

/** A shadow only records: whatever is wrong with it is said, and holds nobody up. */
async function runShadow(
  tools: WorkerTools,
  open: () => Classifier,
  named: string,
  regions: readonly RegionPicture[],
): Promise<NewInference[]> {
  try {
    return await runClassifier(tools, open(), 'shadow', regions);
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
  regions: readonly RegionPicture[],
): Promise<NewInference[]> {
  const inputs = regions.map(({ png, pngSha256 }) => ({ png, pngSha256 }));
  const settled = await Promise.allSettled(engine.classify(classifier, inputs));
  const spoken = settled.map((answer, i) => {
    if (answer.status === 'fulfilled') return answer.value;
    throw aboutRegion(answer.reason, regions[i]!);
  });
  const judged = decideSpine(spoken, classifier.card);
  return spoken.map((inference, i) => toRow(classifier, role, regions[i]!, inference, judged[i]!));
}

function toRow(
  { row, sha256, card }: Classifier,
  role: NewInference['role'],
  region: RegionPicture,
  { cam, ...inference }: Inference,
  judged: Judged,
): NewInference {
  // As the database keeps it: the stored numbers alone must give the decision again.
  const threshold = Math.fround(card.threshold);
  return {
    ...inference,
    discRegionId: region.id,
    modelId: row.id,
    role,
    threshold,
    ...judged,
    modelSha256: sha256,
    pngSha256: region.pngSha256,
    cam: cam && encodeCam(cam),
  };
}

function aboutRegion(thrown: unknown, { id, level }: RegionPicture): CalcidiscError {
  const { code, message, subject } = asCalcidiscError(thrown);
  return new CalcidiscError(
    code,
    `${level}: ${message}`,
    { ...subject, discRegionId: id, level },
    { cause: thrown },
  );
}
