import { Piscina } from 'piscina';
import { asCalcidiscError, CalcidiscError } from '../agent/dicom/errors.js';
import type { Logger } from '../config/log.js';
import type { Config } from '../config/schema.js';
import { type Batcher, createBatcher } from './batcher.js';
import { CAM_SIDE } from './cam.js';
import type { ClassifierCard } from './card.js';
import { usableCores } from './cores.js';
import type { BatchDone, BatchReply, BatchTask } from './inferenceThread.js';
import { REGION_PIXELS } from './region.js';
import { type Provider, RUNTIME } from './session.js';

/** A classifier's file on this host and the card that explains it. */
export interface ClassifierFile {
  readonly path: string;
  readonly sha256: string;
  readonly card: ClassifierCard;
}

export interface Inference {
  /** float32 */
  readonly probability: number;
  readonly cam: Float32Array | null;
  readonly provider: Provider;
  readonly runtime: string;
  /** How many regions were in the batch, which place this one had, and how long all of it took. */
  readonly batchSize: number;
  readonly batchPosition: number;
  readonly milliseconds: number;
}

export interface Engine {
  /**
   * Classifies regions (224 * 224 grey values each), together with those of other callers.
   * Each promise may fail alone, with a CalcidiscError.
   */
  classify(model: ClassifierFile, regions: readonly Uint8Array[]): Promise<Inference>[];
  /**
   * Runs exactly this batch. A region's last bits depend on the batch's size and on its place in it: onnxruntime
   * takes other vector loops for one shape than for another, and some begin where memory is aligned. They do not
   * depend on what the other regions show.
   */
  runBatch(model: ClassifierFile, regions: readonly Uint8Array[]): Promise<(Inference | Error)[]>;
  /** Loads the model and runs it once. @throws CalcidiscError when it cannot be loaded */
  warmUp(model: ClassifierFile): Promise<void>;
  close(): Promise<void>;
}

type EngineConfig = Pick<Config['worker'], 'provider' | 'batchSize' | 'batchWaitMs' | 'threads'>;

/**
 * The networks, in a thread of their own: onnxruntime-node computes on the thread that calls it, and the thread that
 * answers DIMSE must not wait for that. One thread is enough: onnxruntime brings the threads inside the operators.
 */
export function openEngine(config: EngineConfig, log: Logger): Engine {
  const pool = new Piscina<BatchTask, BatchReply>({
    filename: new URL('./inferenceThread.js', import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: Infinity,
  });
  const threads = config.threads ?? usableCores();
  const batchers = new Map<string, Batcher<Uint8Array, Inference>>();
  const said = new Set<string>();

  async function runBatch(model: ClassifierFile, regions: readonly Uint8Array[]) {
    const greys = concatenate(regions);
    const { name: inputName, normalisation } = model.card.input;
    const reply = await pool.run(
      {
        modelPath: model.path,
        modelSha256: model.sha256,
        provider: config.provider,
        threads,
        inputName,
        normalisation,
        greys,
        count: regions.length,
      },
      { transferList: [greys.buffer] },
    );
    if ('error' in reply) throw new CalcidiscError(reply.error.code, reply.error.message);
    sayProvider(model, reply);
    return regions.map((_, i) => inferenceOf(reply, i, regions.length));
  }

  function sayProvider(model: ClassifierFile, { provider, fallback }: BatchDone): void {
    const named = {
      model: model.card.name,
      version: model.card.version,
      provider,
      threads,
      runtime: RUNTIME,
    };
    if (said.has(model.sha256)) return;
    said.add(model.sha256);
    if (config.provider === 'cuda' && fallback !== null)
      log.error(
        { ...named, reason: fallback },
        'CUDA WAS ASKED FOR AND IS NOT THERE: classifying on the CPU',
      );
    else log.info({ ...named, ...(fallback && { reason: fallback }) }, 'classifier loaded');
  }

  function batcherOf(model: ClassifierFile): Batcher<Uint8Array, Inference> {
    const known = batchers.get(model.sha256);
    if (known) return known;
    const { batchSize: size, batchWaitMs: waitMs } = config;
    const batcher = createBatcher<Uint8Array, Inference>({
      size,
      waitMs,
      run: (items) => runBatch(model, items),
      mayBeOneItem: (error) => asCalcidiscError(error).code === 'INFERENCE_FAILED',
    });
    batchers.set(model.sha256, batcher);
    return batcher;
  }

  return {
    classify: (model, regions) => batcherOf(model).add(regions),
    runBatch,
    warmUp: async (model) => {
      await runBatch(model, [new Uint8Array(REGION_PIXELS).fill(128)]);
    },
    close: () => pool.close(),
  };
}

function concatenate(regions: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const greys = new Uint8Array(regions.length * REGION_PIXELS);
  regions.forEach((region, i) => {
    greys.set(region, i * REGION_PIXELS);
  });
  return greys;
}

/** A network that answers no number for one region says nothing about the others. */
function inferenceOf(batch: BatchDone, index: number, batchSize: number): Inference | Error {
  const probability = batch.probabilities[index]!;
  if (!(probability >= 0 && probability <= 1))
    return new CalcidiscError('REGION_UNCLASSIFIABLE', `the network answered ${probability} for a region`);
  const { provider, milliseconds } = batch;
  const size = CAM_SIDE * CAM_SIDE;
  const cam = batch.cams?.slice(index * size, (index + 1) * size) ?? null;
  return { probability, cam, provider, runtime: RUNTIME, batchSize, batchPosition: index, milliseconds };
}
