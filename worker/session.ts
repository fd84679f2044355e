import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import { CalcidiscError } from '../agent/domain/errors.js';
import { REGION_PIXELS, REGION_SIDE } from '../agent/domain/regionPicture.js';
import { CAM_SIDE } from './cam.js';
import { createNormaliser, type Normalisation } from './tensor.js';

export type Provider = 'cpu' | 'cuda';
export type ProviderChoice = Provider | 'auto';

// What goes wrong is thrown, and logged by whoever asked; onnxruntime would print it in red on stderr as well.
env.logLevel = 'fatal';

/** Recorded with every result: bits are promised only for the same runtime on the same kind of processor. */
export const RUNTIME = `onnxruntime-node ${env.versions.node ?? '?'} ${process.platform}-${process.arch}`;

export interface SessionOptions {
  /** Threads inside one operator; more than there are cores slows everything down. */
  readonly threads: number;
  readonly provider: ProviderChoice;
  readonly inputName: string;
  readonly normalisation: Normalisation;
}

export interface BatchAnswer {
  /** One per region, in the order given; NaN where the network gave none. */
  readonly probabilities: Float32Array;
  /** 49 values per region, row by row; null where the model has no such output. */
  readonly cams: Float32Array | null;
  /** One per region; null where the model has no such output. */
  readonly distances: Float32Array | null;
  readonly milliseconds: number;
}

export interface ClassifierSession {
  readonly provider: Provider;
  /** Why this is not the provider that was asked for. */
  readonly fallback: string | null;
  /** @param greys regions of 224 * 224 grey values, one after the other */
  run(greys: Uint8Array, count: number): Promise<BatchAnswer>;
  close(): Promise<void>;
}

/**
 * Loads one classifier and runs it once, so that the first case does not pay for the first run.
 * `run` computes on the calling thread (onnxruntime-node 1.30): only the inference thread may call it.
 * @throws CalcidiscError INFERENCE_FAILED when the file is no such network
 */
export async function openSession(model: Uint8Array, options: SessionOptions): Promise<ClassifierSession> {
  const { session, provider, fallback } = await createSession(model, options);
  const normalise = createNormaliser(options.normalisation);
  const run = (greys: Uint8Array, count: number) =>
    runBatch(session, options.inputName, normalise(greys), count);
  await run(new Uint8Array(REGION_PIXELS).fill(128), 1);
  return { provider, fallback, run, close: () => session.release() };
}

async function createSession(model: Uint8Array, { provider, threads }: SessionOptions) {
  const create = (name: Provider) =>
    InferenceSession.create(model, {
      executionProviders: [name],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
    });
  let fallback: string | null = null;
  if (provider === 'auto' && !cudaIsInstalled()) fallback = 'onnxruntime has no CUDA provider on this host';
  else if (provider !== 'cpu') {
    try {
      return { session: await create('cuda'), provider: 'cuda' as const, fallback: null };
    } catch (error) {
      fallback = error instanceof Error ? error.message : String(error);
    }
  }
  const session = await create('cpu').catch((cause: unknown) => {
    throw new CalcidiscError(
      'INFERENCE_FAILED',
      `the model cannot be loaded: ${String(cause)}`,
      {},
      { cause },
    );
  });
  return { session, provider: 'cpu' as const, fallback };
}

/** Whether this choice may end on a GPU. */
export function mayUseGpu(provider: ProviderChoice): boolean {
  return provider === 'cuda' || (provider === 'auto' && cudaIsInstalled());
}

/** Asking onnxruntime for a provider it lacks prints a red error, which `auto` should not cause on every host. */
function cudaIsInstalled(): boolean {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  const folder = join(dirname(entry), '..', 'bin', 'napi-v6', process.platform, process.arch);
  return existsSync(join(folder, 'libonnxruntime_providers_cuda.so'));
}

async function runBatch(
  session: InferenceSession,
  inputName: string,
  pixels: Float32Array,
  count: number,
): Promise<BatchAnswer> {
  const started = performance.now();
  const shape = [count, 3, REGION_SIDE, REGION_SIDE];
  const image = new Tensor('float32', pixels, shape);
  const outputs = await session.run({ [inputName]: image }).catch((cause: unknown) => {
    throw new CalcidiscError('INFERENCE_FAILED', `the network failed: ${String(cause)}`, {}, { cause });
  });
  return {
    probabilities: floats(outputs.probability, count, 'probability'),
    distances: outputs.distance ? floats(outputs.distance, count, 'distance') : null,
    cams: outputs.cam ? floats(outputs.cam, count * CAM_SIDE * CAM_SIDE, 'cam') : null,
    milliseconds: performance.now() - started,
  };
}

function floats(
  output: InferenceSession.OnnxValueMapType[string] | undefined,
  length: number,
  name: string,
): Float32Array {
  if (output?.type === 'float32' && output.data instanceof Float32Array && output.data.length === length)
    return output.data;
  throw new CalcidiscError(
    'INFERENCE_FAILED',
    `the network has no float32 output '${name}' of ${length} values`,
  );
}
