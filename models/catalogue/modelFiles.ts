import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { projectRoot } from '../../config/root.js';
import type { Config } from '../../config/schema.js';
import { type Card, type ClassifierCard, compareVersions, type ModelReference, parseCard } from './card.js';

/** Where models lie, each as NAME/VERSION/{model.onnx, card.json}: what a person added stands before what shipped. */
export type ModelFolders = readonly string[];

export function modelFoldersOf(config: Pick<Config, 'dataDir'>): ModelFolders {
  return [join(resolve(config.dataDir), 'models'), join(projectRoot, 'models')];
}

export interface ModelFile {
  /** Absolute, of the ONNX file. */
  readonly path: string;
  /** NAME/VERSION/model.onnx, as the registry keeps it. */
  readonly relativePath: string;
  readonly card: Card;
}

/** A classifier's file on this host and the card that explains it. */
export interface ClassifierFile {
  readonly path: string;
  readonly sha256: string;
  readonly card: ClassifierCard;
}

export interface FoundModels {
  readonly models: readonly ModelFile[];
  /** Folders that claim to be models and are not. */
  readonly refused: readonly { readonly folder: string; readonly error: CalcidiscError }[];
}

/** Every model of the folders whose file has the hash its card says. */
export async function findModelFiles(folders: ModelFolders): Promise<FoundModels> {
  const models = new Map<string, ModelFile>();
  const refused: { folder: string; error: CalcidiscError }[] = [];
  for (const folder of await cardFolders(folders)) {
    try {
      const model = await readModelFolder(folder);
      if (!models.has(model.relativePath)) models.set(model.relativePath, model);
    } catch (error) {
      if (!(error instanceof CalcidiscError)) throw error;
      refused.push({ folder, error });
    }
  }
  return { models: [...models.values()], refused };
}

/**
 * One model's folder, its hash verified.
 * @throws CalcidiscError MODEL_MISSING, MODEL_CARD_INVALID, MODEL_HASH_MISMATCH
 */
export async function readModelFolder(folder: string): Promise<ModelFile> {
  const cardPath = join(folder, 'card.json');
  const card = parseCard(await readJson(cardPath), cardPath);
  const path = join(folder, 'model.onnx');
  const found = await fileSha256(path);
  if (found !== card.sha256)
    throw new CalcidiscError(
      'MODEL_HASH_MISMATCH',
      `${path} has SHA-256 ${found}, its card says ${card.sha256}`,
    );
  return { path, relativePath: `${card.name}/${card.version}/model.onnx`, card };
}

/**
 * The folder of NAME@VERSION, or of the highest version of NAME, without asking a database.
 * @throws CalcidiscError MODEL_MISSING naming those there are, and as readModelFolder
 */
export async function findModelFile(folders: ModelFolders, wanted: ModelReference): Promise<ModelFile> {
  const known = (await cardFolders(folders)).map((folder) => ({
    folder,
    name: basename(dirname(folder)),
    version: basename(folder),
  }));
  const [best] = known
    .filter(({ name, version }) => name === wanted.name && version === (wanted.version ?? version))
    .sort((a, b) => compareVersions(b.version, a.version));
  if (best) return readModelFolder(best.folder);
  const names = known.map(({ name, version }) => `${name}@${version}`).join(', ') || 'none';
  const text = wanted.version === undefined ? wanted.name : `${wanted.name}@${wanted.version}`;
  throw new CalcidiscError(
    'MODEL_MISSING',
    `there is no model ${text} in ${folders.join(' or ')}; there is ${names}`,
  );
}

/** The first folder that has the file; null when none has. */
export function locateModelFile(folders: ModelFolders, relativePath: string): string | null {
  return folders.map((folder) => join(folder, relativePath)).find(existsSync) ?? null;
}

/**
 * Copies a model's folder to where workers on this host find it.
 * @throws CalcidiscError MODEL_STATE when another model of that name and version is there
 */
export async function adoptModelFolder(source: string, folders: ModelFolders): Promise<ModelFile> {
  const model = await readModelFolder(resolve(source));
  const known = locateModelFile(folders, model.relativePath);
  if (known !== null) {
    const { name, version, sha256 } = model.card;
    if ((await fileSha256(known)) === sha256) return { ...model, path: known };
    throw new CalcidiscError(
      'MODEL_STATE',
      `another ${name}@${version} is at ${known}: give this one a new version`,
    );
  }
  const target = join(folders[0]!, model.card.name, model.card.version);
  await mkdir(join(target, '..'), { recursive: true });
  await cp(resolve(source), target, { recursive: true });
  return readModelFolder(target).catch(async (error: unknown) => {
    await rm(target, { recursive: true, force: true });
    throw error;
  });
}

export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash).catch((cause: unknown) => {
    throw new CalcidiscError('MODEL_MISSING', `cannot read ${path}`, {}, { cause });
  });
  return hash.digest('hex');
}

async function cardFolders(folders: ModelFolders): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders)
    for (const name of await subfolders(folder))
      for (const version of await subfolders(join(folder, name))) {
        const candidate = join(folder, name, version);
        if (existsSync(join(candidate, 'card.json'))) found.push(candidate);
      }
  return found;
}

async function subfolders(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CalcidiscError('MODEL_MISSING', `cannot read ${path}`, {}, { cause });
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CalcidiscError('MODEL_CARD_INVALID', `${path} is not JSON`, {}, { cause });
  }
}
