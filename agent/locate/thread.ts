import { workerData } from 'node:worker_threads';
import { readModel } from '../../models/catalogue/localiser.js';
import { asCalcidiscError, CalcidiscError, type ErrorCode, type ErrorSubject } from '../domain/errors.js';
import { measureCt } from './ct.js';
import type { Reference } from './hounsfield.js';
import { locateMr } from './mr.js';
import { Network } from './network.js';
import { readSeries } from './series.js';
import type { CtResult, Located, LocateResult } from './types.js';

/** What the pool tells each of its threads once. */
export interface ThreadSettings {
  readonly modelDir: string;
  readonly marginMm: number;
  readonly reference: Reference;
}

export interface LocateTask {
  readonly modality: 'MR' | 'CT';
  readonly files: readonly string[];
}

/** Errors cross threads as values: a structured clone would lose their class and code. */
export type Answer =
  | { readonly located: Located<LocateResult | CtResult> }
  | {
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly subject: ErrorSubject };
    };

const settings = (workerData as unknown as readonly [unknown, ThreadSettings])[1] ?? workerData;
let opened: Promise<{ network: Network; identity: Located['localiser'] }> | null = null;

async function open() {
  const model = readModel(settings.modelDir);
  const { name, version, sha256 } = model.card;
  return { network: await Network.open(model), identity: { name, version, sha256 } };
}

/** One series, from files to discs: runs in a worker thread, never on the one that answers DIMSE. */
export default async function locate({ modality, files }: LocateTask): Promise<Answer> {
  try {
    opened ??= open();
    const { network, identity } = await opened.catch((error) => {
      opened = null;
      throw error;
    });
    const series = await readSeries(files);
    if (series.modality !== modality)
      throw new CalcidiscError('NOT_ONE_SERIES', `the series is ${series.modality}, not ${modality}`);
    const start = performance.now();
    const context = { network, marginMm: settings.marginMm, reference: settings.reference };
    const found = await (modality === 'CT' ? measureCt(series, context) : locateMr(series, context));
    return { located: { ...found, localiser: identity, milliseconds: performance.now() - start } };
  } catch (thrown) {
    const { code, message, subject } = asCalcidiscError(thrown);
    return { error: { code, message, subject } };
  }
}
