import { asCalcidiscError, CalcidiscError } from '../agent/domain/errors.js';
import type { Level } from '../agent/domain/levels.js';
import { purgedWords } from '../agent/domain/purgedWords.js';
import { REGION_PIXELS } from '../agent/domain/regionPicture.js';
import type { Tx } from '../db/server/knex.js';
import { appendAudit } from '../db/tables/audit.js';
import { findCasePurge } from '../db/tables/casePurges.js';
import type { CaseRow } from '../db/tables/cases.js';
import { type CaseInference, listInferences } from '../db/tables/inferences.js';
import { listModels, type ModelRow } from '../db/tables/models.js';
import { listRegions, type RegionRow } from '../db/tables/regions.js';
import type { ClassifierCard } from '../models/catalogue/card.js';
import type { ModelFolders } from '../models/catalogue/modelFiles.js';
import { openClassifier } from '../models/catalogue/registry.js';
import { encodeCam } from './cam.js';
import type { Engine, Inference } from './engine.js';
import type { RegionInput } from './region.js';
import { type Provider, RUNTIME } from './session.js';
import { probabilitiesWithin } from './spine.js';

export interface ReplayedRegion {
  readonly level: Level;
  /** NAME@VERSION */
  readonly model: string;
  readonly role: 'active' | 'shadow';
  readonly provider: string;
  readonly stored: number;
  /** null when it could not be run again. */
  readonly replayed: number | null;
  /** Bit for bit, the map included. */
  readonly equal: boolean;
  /** Why it is not. */
  readonly reason?: string;
}

export interface Replay {
  readonly caseId: string;
  readonly revision: number;
  readonly runtime: string;
  readonly equal: boolean;
  readonly regions: readonly ReplayedRegion[];
}

export interface ReplayTools {
  readonly tx: Tx;
  readonly folders: ModelFolders;
  engine(provider: Provider): Engine;
  /** Who asked for it, for the trail; absent: this process. */
  readonly actor?: string;
}

/**
 * Runs every stored region of the case's revision again as it was run, with the recorded models, and compares.
 * @throws CalcidiscError PICTURES_PURGED: nothing is left to run
 */
export async function replayCase(tools: ReplayTools, { id, revision }: CaseRow): Promise<Replay> {
  const { tx } = tools;
  const gone = await findCasePurge(tx, id, 'regions', revision);
  if (gone)
    throw new CalcidiscError(
      'PICTURES_PURGED',
      `${purgedWords('regions', gone)}; the answers stand, and cannot be run again`,
      { caseId: id },
    );
  const rows = new Map((await listRegions(tx, id, revision)).map((region) => [region.id, region]));
  const models = new Map((await listModels(tx)).map((model) => [model.id, model]));
  const replayed: RunAgain[] = [];
  for (const batch of rebuildBatches(await listInferences(tx, id, revision)))
    replayed.push(...(await replayBatch(tools, batch, models.get(batch[0]!.modelId)!, rows)));
  const regions = withinTheirSpines(
    replayed,
    (modelId) => openClassifier(models.get(modelId)!, tools.folders).card,
  );
  const differing = regions.filter(({ equal }) => !equal).length;
  await appendAudit(tx, {
    event: 'CASE_REPLAYED',
    subjectType: 'case',
    subjectId: id,
    ...(tools.actor && { actor: tools.actor }),
    detail: { revision, regions: regions.length, differing },
  });
  return { caseId: id, revision, runtime: RUNTIME, equal: differing === 0, regions };
}

type Place = Pick<CaseInference, 'modelId' | 'batchSize' | 'batchPosition' | 'provider'>;

/**
 * The batches the inferences came from, as far as this case fills them: one model, one size, one provider, and no
 * place taken twice. What stood beside them does not matter (Engine.runBatch).
 */
export function rebuildBatches<I extends Place>(inferences: readonly I[]): I[][] {
  const batches: I[][] = [];
  for (const one of inferences) {
    const batch = batches.find(
      ([first, ...others]) =>
        first!.modelId === one.modelId &&
        first!.batchSize === one.batchSize &&
        first!.provider === one.provider &&
        [first!, ...others].every(({ batchPosition }) => batchPosition !== one.batchPosition),
    );
    if (batch) batch.push(one);
    else batches.push([one]);
  }
  return batches;
}

async function replayBatch(
  { engine, folders }: ReplayTools,
  batch: readonly CaseInference[],
  model: ModelRow,
  regions: ReadonlyMap<string, RegionRow>,
): Promise<RunAgain[]> {
  const { batchSize, modelSha256, provider } = batch[0]!;
  const black = new Uint8Array(REGION_PIXELS);
  const places: RegionInput[] = Array.from({ length: batchSize }, () => black);
  for (const { discRegionId, batchPosition, pngSha256 } of batch)
    places[batchPosition] = { png: regions.get(discRegionId)!.png!, pngSha256 };
  const answers = await runAgain(() => {
    const classifier = { ...openClassifier(model, folders), sha256: modelSha256 };
    return engine(provider as Provider).runBatch(classifier, places);
  });
  return batch.map((stored) => ({
    stored,
    answer: Array.isArray(answers) ? answers[stored.batchPosition]! : answers,
  }));
}

/** A region's inference as it is stored, and as it came out now. */
interface RunAgain {
  readonly stored: CaseInference;
  readonly answer: Inference | Error;
}

/** Each region compared; where a spine's discs were held against one another, that is done again too. */
function withinTheirSpines(
  all: readonly RunAgain[],
  cardOf: (modelId: string) => ClassifierCard,
): ReplayedRegion[] {
  return all.map((one) => {
    const { stored, answer } = one;
    if (stored.alone === null || answer instanceof Error) return compare(one, stored.probability);
    const spine = all.filter((other) => other.stored.modelId === stored.modelId);
    const spoken = spine.map((other) => (other.answer instanceof Error ? null : other.answer));
    if (!spoken.every((each) => each !== null)) return compare(one, Number.NaN);
    return compare(one, probabilitiesWithin(spoken, cardOf(stored.modelId))[spine.indexOf(one)]!);
  });
}

async function runAgain(run: () => Promise<(Inference | Error)[]>): Promise<(Inference | Error)[] | Error> {
  try {
    return await run();
  } catch (error) {
    return asCalcidiscError(error);
  }
}

/** @param within what holding the spine's discs against one another comes to now; the stored probability where that was not done */
function compare({ stored, answer }: RunAgain, within: number): ReplayedRegion {
  const { level, role, provider } = stored;
  const probability = stored.alone ?? stored.probability;
  const model = `${stored.modelName}@${stored.modelVersion}`;
  const replayed = answer instanceof Error ? null : answer.probability;
  const reason = difference(stored, answer) ?? heldOtherwise(stored, within);
  const base = { level, model, role, provider, stored: probability, replayed, equal: reason === null };
  return reason === null ? base : { ...base, reason };
}

/** null when every bit is the same. */
function difference(stored: CaseInference, answer: Inference | Error): string | null {
  if (answer instanceof Error) return answer.message;
  if (answer.provider !== stored.provider)
    return `it ran on ${stored.provider}, this host has only ${answer.provider}`;
  const other = answer.runtime === stored.runtime ? '' : ` (it ran on ${stored.runtime})`;
  const gave = stored.alone ?? stored.probability;
  if (answer.probability !== gave)
    return `the probability differs by ${Math.abs(answer.probability - gave)}${other}`;
  if (stored.distance !== answer.distance) return `the distance differs${other}`;
  if (!sameMap(stored.cam, answer.cam)) return `the activation map differs${other}`;
  return null;
}

function heldOtherwise({ probability }: CaseInference, within: number): string | null {
  if (Number.isNaN(within))
    return 'another disc of the spine, which it was held against, could not be run again';
  if (within === probability) return null;
  return `held against the spine's other discs the probability is ${within}, and ${probability} is stored`;
}

function sameMap(stored: Buffer | null, replayed: Float32Array | null): boolean {
  if (stored === null || replayed === null) return stored === replayed;
  return stored.equals(encodeCam(replayed));
}
