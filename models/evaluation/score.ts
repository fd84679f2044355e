import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asCalcidiscError, CalcidiscError } from '../../agent/domain/errors.js';
import { createLogger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import { type Engine, openEngine } from '../../worker/engine.js';
import { decodeRegion } from '../../worker/region.js';
import { type ClassifierCard, parseClassifierCard } from '../catalogue/card.js';
import type { ClassifierFile, ModelFile } from '../catalogue/modelFiles.js';
import { type LabelledRegion, type LabelledSet, parseLabels } from './dataset.js';
import type { ScoredModel } from './evaluation.js';

/** So many at once: a large set need not be in memory as a whole. */
const AT_ONCE = 256;

export interface ReadSet extends LabelledSet {
  readonly folder: string;
  /** labels.csv as it stands, for its hash. */
  readonly labelsText: string;
}

/** @throws CalcidiscError DATASET_INVALID */
export async function readSet(folder: string): Promise<ReadSet> {
  const path = join(folder, 'labels.csv');
  const labelsText = await readText(path);
  return { folder, labelsText, ...parseLabels(labelsText, path) };
}

/** @throws CalcidiscError DATASET_INVALID */
export async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CalcidiscError('DATASET_INVALID', `cannot read ${path}`, {}, { cause });
  });
}

/** Runs `work` with the engine that classifies cases, and closes it. */
export async function withEngine<T>(config: Config, work: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = openEngine(config.worker, createLogger({ log: { level: 'error' } }));
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

/** A model's answers for every region of a set, by the code that classifies cases. */
export async function scoreModel(
  engine: Engine,
  file: ModelFile,
  { folder, regions }: Pick<ReadSet, 'folder' | 'regions'>,
  tell: (done: number, total: number) => void,
): Promise<ScoredModel> {
  const classifier = classifierOf(file);
  const { card } = classifier;
  const probabilities: number[] = [];
  for (let first = 0; first < regions.length; first += AT_ONCE) {
    const greys = await Promise.all(
      regions.slice(first, first + AT_ONCE).map((region) => readRegion(folder, region)),
    );
    const answers = await Promise.all(engine.classify(classifier, greys));
    probabilities.push(...answers.map(({ probability }) => probability));
    tell(probabilities.length, regions.length);
  }
  const { name, version, sha256 } = card;
  return {
    name,
    version,
    sha256,
    threshold: Math.fround(card.threshold),
    ...trainingOf(card),
    probabilities,
  };
}

export function classifierOf(file: ModelFile): ClassifierFile {
  const card = parseClassifierCard(file.card, file.path);
  return { path: file.path, sha256: card.sha256, card };
}

/** Those it was trained on, and those its threshold and its last epoch were chosen by. */
function trainingOf({ trainingData }: ClassifierCard): Pick<ScoredModel, 'simulated' | 'trainingPatients'> {
  const data = (trainingData ?? {}) as { simulated?: unknown; patients?: unknown; validation?: unknown };
  return {
    simulated: data.simulated === true,
    trainingPatients: [data.patients, data.validation].flatMap((list) =>
      Array.isArray(list) ? list.map(String) : [],
    ),
  };
}

async function readRegion(folder: string, { file }: LabelledRegion): Promise<Uint8Array> {
  try {
    return await decodeRegion(await readFile(join(folder, file)));
  } catch (error) {
    const { code, message } = asCalcidiscError(error);
    throw new CalcidiscError(code, `${file}: ${message}`, {}, { cause: error });
  }
}
