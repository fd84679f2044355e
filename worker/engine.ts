import { Piscina } from 'piscina';
import { asCalcidiscError, CalcidiscError } from '../agent/domain/errors.js';
import { usableCores } from '../config/cores.js';
import type { Logger } from '../config/log.js';
import type { Config } from '../config/schema.js';
import type { ClassifierFile } from '../models/catalogue/modelFiles.js';
import { type Batcher, createBatcher } from './batcher.js';
import { CAM_SIDE } from './cam.js';
import { planLanes } from './cores.js';
import type { BatchDone, BatchReply, BatchTask } from './inferenceThread.js';
import type { RegionInput } from './region.js';
import { mayUseGpu, type Provider, RUNTIME } from './session.js';

export interface Inference {
  /** float32 */
  readonly probability: number;
  readonly cam: Float32Array | null;
  /** How far the region's features are from those the network learnt from; null where the model does not say. */
  readonly distance: number | null;
  readonly provider: Provider;
  readonly runtime: string;
  /** How many regions were in the batch, which place this one had, and how long all of it took. */
  readonly batchSize: number;
  readonly batchPosition: number;
  readonly milliseconds: number;
}

export interface Engine {
  /** How many batches are computed at once. */
  readonly lanes: number;
  /**
   * Classifies regions, together with those of other callers.
   * Each promise may fail alone, with a CalcidiscError.
   */
  classify(model: ClassifierFile, regions: readonly RegionInput[]): Promise<Inference>[];
  /**
   * Runs exactly this batch. A region's last bits depend on the batch's size and on its place in it: onnxruntime
   * takes other vector loops for one shape than for another, and some begin where memory is aligned. They do not
   * depend on what the other regions show.
   */
  runBatch(model: ClassifierFile, regions: readonly RegionInput[]): Promise<(Inference | Error)[]>;
  /** Loads the model in every lane and runs it once. @throws CalcidiscError when it cannot be loaded */
  warmUp(model: ClassifierFile): Promise<void>;
  close(): Promise<void>;
}

type EngineConfig = Pick<Config['worker'], 'provider' | 'batchSize' | 'batchWaitMs' | 'threads' | 'lanes'>;

/**
 * The networks, in threads of their own, one a lane: onnxruntime-node computes on the thread that calls it, and the
 * thread that answers DIMSE must not wait for that.
 */
export function openEngine(config: EngineConfig, log: Logger): Engine {
  const plan = planLanes(config, usableCores(), mayUseGpu(config.provider));
  const { lanes } = plan;
  const pool = new Piscina<BatchTask, BatchReply>({
    filename: new URL('./inferenceThread.js', import.meta.url).href,
    minThreads: 0,
    maxThreads: lanes,
    idleTimeout: Infinity,
  });
  const sayProvider = announcer(config, plan, log);

  async function runBatch(model: ClassifierFile, regions: readonly RegionInput[]) {
    const reply = await pool.run(taskOf(model, regions, config.provider, plan.threads));
    if ('error' in reply) throw new CalcidiscError(reply.error.code, reply.error.message);
    sayProvider(model, reply);
    return regions.map((_, i) => inferenceOf(reply, i, regions.length));
  }

  const batcherOf = batchers(config, lanes, runBatch);
  return {
    lanes,
    classify: (model, regions) => batcherOf(model).add(regions),
    runBatch,
    warmUp: async (model) => {
      await Promise.all(Array.from({ length: lanes }, () => runBatch(model, [])));
    },
    close: () => pool.close(),
  };
}

function taskOf(
  { card, path, sha256 }: ClassifierFile,
  regions: readonly RegionInput[],
  provider: EngineConfig['provider'],
  threads: number,
): BatchTask {
  const { name: inputName, normalisation } = card.input;
  return { modelPath: path, modelSha256: sha256, provider, threads, inputName, normalisation, regions };
}

/** Says once a model what it runs on. */
function announcer({ provider: asked }: EngineConfig, plan: ReturnType<typeof planLanes>, log: Logger) {
  const said = new Set<string>();
  return ({ card, sha256 }: ClassifierFile, { provider, fallback }: BatchDone): void => {
    if (said.has(sha256)) return;
    said.add(sha256);
    const { lanes, threads } = plan;
    const named = { model: card.name, version: card.version, provider, lanes, threads, runtime: RUNTIME };
    if (asked === 'cuda' && fallback !== null)
      log.error(
        { ...named, reason: fallback },
        'CUDA WAS ASKED FOR AND IS NOT THERE: classifying on the CPU',
      );
    else log.info({ ...named, ...(fallback && { reason: fallback }) }, 'classifier loaded');
  };
}

/** One batcher a model, made when it is first asked for. */
function batchers(
  { batchSize: size, batchWaitMs: waitMs }: EngineConfig,
  lanes: number,
  runBatch: Engine['runBatch'],
) {
  const known = new Map<string, Batcher<RegionInput, Inference>>();
  return (model: ClassifierFile): Batcher<RegionInput, Inference> => {
    const batcher =
      known.get(model.sha256) ??
      createBatcher<RegionInput, Inference>({
        size,
        waitMs,
        lanes,
        run: (items) => runBatch(model, items),
        mayBeOneItem: (error) => asCalcidiscError(error).code === 'INFERENCE_FAILED',
      });
    known.set(model.sha256, batcher);
    return batcher;
  };
}

/** A network that answers no number for one region says nothing about the others. */
function inferenceOf(batch: BatchDone, index: number, batchSize: number): Inference | Error {
  const refused = batch.refused[index];
  if (refused) return new CalcidiscError(refused.code, refused.message);
  const probability = batch.probabilities[index]!;
  if (!(probability >= 0 && probability <= 1))
    return new CalcidiscError('REGION_UNCLASSIFIABLE', `the network answered ${probability} for a region`);
  const { provider, milliseconds } = batch;
  const size = CAM_SIDE * CAM_SIDE;
  const cam = batch.cams?.slice(index * size, (index + 1) * size) ?? null;
  const distance = batch.distances?.[index] ?? null;
  return {
    probability,
    cam,
    distance,
    provider,
    runtime: RUNTIME,
    batchSize,
    batchPosition: index,
    milliseconds,
  };
}
