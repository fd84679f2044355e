import { Piscina } from 'piscina';
import { readersAtOnce } from '../../config/cores.js';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import { findLocaliser, localiserCard } from '../../models/catalogue/localiser.js';
import { CalcidiscError } from '../domain/errors.js';
import type { Answer, LocateTask, ThreadSettings } from './thread.js';
import type { CtResult, Located, LocateResult, ModelIdentity } from './types.js';

/** Finds discs in worker threads. Files are Part 10 files of ONE series, in any order. */
export interface Locator {
  readonly localiser: ModelIdentity;
  /** @throws CalcidiscError NOT_DICOM, NOT_ONE_SERIES, PIXELS_UNSUPPORTED, MODEL_MISSING, MODEL_HASH_MISMATCH */
  locateMr(files: readonly string[]): Promise<Located<LocateResult>>;
  /** What is not in Hounsfield units is not-found with its reason. @throws CalcidiscError as locateMr */
  measureCt(files: readonly string[]): Promise<Located<CtResult>>;
  close(): Promise<void>;
}

export interface LocatorOptions {
  /** A folder with model.onnx and card.json instead of the one that the configuration chooses. */
  readonly modelDir?: string;
}

/** @throws CalcidiscError MODEL_MISSING, MODEL_CARD_INVALID or MODEL_HASH_MISMATCH when there is none to be used */
export async function openLocator(
  config: Pick<Config, 'dataDir' | 'locate' | 'reference'>,
  log: Pick<Logger, 'info' | 'debug'>,
  options: LocatorOptions = {},
): Promise<Locator> {
  const { folder, card } = options.modelDir
    ? { folder: options.modelDir, card: localiserCard(options.modelDir) }
    : await findLocaliser(config);
  const { name, version, sha256 } = card;
  const settings: ThreadSettings = {
    modelDir: folder,
    marginMm: config.locate.marginMm,
    reference: config.reference,
  };
  const pool = new Piscina<LocateTask, Answer>({
    filename: new URL('./thread.js', import.meta.url).href,
    // One thread keeps its network, and what was compiled of the code about it: the first reading takes twice as long.
    minThreads: 1,
    maxThreads: readersAtOnce(config.locate),
    idleTimeout: 60_000,
    concurrentTasksPerWorker: 1,
    workerData: settings,
  });
  const run = async (modality: 'MR' | 'CT', files: readonly string[]) => {
    const answer = await pool.run({ modality, files });
    if ('error' in answer)
      throw new CalcidiscError(answer.error.code, answer.error.message, answer.error.subject);
    const { result, milliseconds } = answer.located;
    log.debug(
      {
        seriesInstanceUid: result.seriesInstanceUid,
        modality,
        status: result.status,
        discs: result.discs.length,
        milliseconds: Math.round(milliseconds),
      },
      'series located',
    );
    return answer.located;
  };
  return {
    localiser: { name, version, sha256 },
    locateMr: async (files) => (await run('MR', files)) as Located<LocateResult>,
    measureCt: async (files) => (await run('CT', files)) as Located<CtResult>,
    // A thread that is ended inside onnxruntime takes the whole process with it: what runs is waited for.
    close: () => pool.close({ force: true }),
  };
}
