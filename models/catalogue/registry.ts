import { CalcidiscError } from '../../agent/domain/errors.js';
import type { Logger } from '../../config/log.js';
import type { Tx } from '../../db/server/knex.js';
import {
  activationHistory,
  changeModel,
  findModel,
  listModels,
  type ModelChange,
  type ModelRow,
  modelsAtWork,
  registerModel,
} from '../../db/tables/models.js';
import { type ClassifierCard, compareVersions, type ModelReference, parseClassifierCard } from './card.js';
import {
  type ClassifierFile,
  fileSha256,
  findModelFiles,
  locateModelFile,
  type ModelFile,
  type ModelFolders,
} from './modelFiles.js';

/** What decides on a fresh installation: the network the study chose. */
const DEFAULT_CLASSIFIER = 'resnet34';

/** A classifier as the registry names it, with its file on this host. */
export interface Classifier extends ClassifierFile {
  readonly row: ModelRow;
}

/** Enters the models of this host into the registry, and makes the default one active when none is. */
export async function registerHostModels(tx: Tx, folders: ModelFolders, log: Logger): Promise<void> {
  const { models, refused } = await findModelFiles(folders);
  for (const { folder, error } of refused)
    log.error({ folder, code: error.code }, `model refused: ${error.message}`);
  for (const file of models) {
    await register(tx, file).catch((error: unknown) => {
      if (!(error instanceof CalcidiscError)) throw error;
      log.error({ path: file.path, code: error.code }, `model refused: ${error.message}`);
    });
  }
  await activateDefault(tx, log);
}

/** @throws CalcidiscError MODEL_HASH_MISMATCH when another file was registered under that name and version */
export async function register(tx: Tx, { card, relativePath: path }: ModelFile): Promise<ModelRow> {
  const { name, version, kind, sha256 } = card;
  const { model } = await registerModel(tx, { name, version, kind, sha256, path, card });
  if (model.sha256 === sha256) return model;
  throw new CalcidiscError(
    'MODEL_HASH_MISMATCH',
    `${name}@${version} is registered with SHA-256 ${model.sha256}, this host's file has ${sha256}`,
  );
}

/** Only where no one has ever chosen. */
async function activateDefault(tx: Tx, log: Logger): Promise<void> {
  const classifiers = await listModels(tx, { kind: 'classifier' });
  if (classifiers.some(({ state }) => state === 'active')) return;
  const latest = latestOf(classifiers.filter(({ name }) => name === DEFAULT_CLASSIFIER));
  const wasChosen = (await activationHistory(tx)).length > 0;
  if (!latest || wasChosen) {
    log.warn(
      'no classifier is active: cases wait. See `calcidisc model list` and `calcidisc model activate`',
    );
    return;
  }
  await changeModel(tx, { id: latest.id, to: 'active', detail: { reason: 'the default: none was active' } });
  log.info({ model: latest.name, version: latest.version }, 'classifier activated by default');
}

function latestOf(rows: readonly ModelRow[]): ModelRow | undefined {
  return rows.toSorted((a, b) => compareVersions(a.version, b.version)).at(-1);
}

export interface ClassifiersAtWork {
  readonly active: Classifier;
  readonly shadows: readonly ModelRow[];
}

/**
 * The classifiers at work now; the registry is asked for every case, so that a change needs no restart.
 * @returns what is missing when none is active, or its file is not on this host
 */
export async function classifiersAtWork(
  tx: Tx,
  folders: ModelFolders,
): Promise<ClassifiersAtWork | { readonly missing: string }> {
  const rows = await modelsAtWork(tx);
  const active = rows.find(({ state }) => state === 'active');
  if (!active) return { missing: 'none is active (calcidisc model activate NAME)' };
  if (locateModelFile(folders, active.path) === null)
    return { missing: `${active.name}@${active.version} is active, but ${active.path} is not on this host` };
  return { active: openClassifier(active, folders), shadows: rows.filter(({ state }) => state === 'shadow') };
}

/** @throws CalcidiscError MODEL_MISSING, MODEL_CARD_INVALID */
export function openClassifier(row: ModelRow, folders: ModelFolders): Classifier {
  const named = `${row.name}@${row.version}`;
  const path = locateModelFile(folders, row.path);
  if (path === null)
    throw new CalcidiscError('MODEL_MISSING', `${named} is registered, but ${row.path} is not on this host`);
  const card: ClassifierCard = parseClassifierCard(row.card, `the card of ${named}`);
  return { row, path, sha256: row.sha256, card };
}

/**
 * The row a person means: NAME@VERSION, or the highest version of NAME.
 * @throws CalcidiscError MODEL_MISSING naming those there are
 */
export async function resolveModel(tx: Tx, { name, version }: ModelReference): Promise<ModelRow> {
  const row =
    version === undefined ? latestOf(await listModels(tx, { name })) : await findModel(tx, name, version);
  if (row) return row;
  const known = (await listModels(tx)).map((model) => `${model.name}@${model.version}`).join(', ') || 'none';
  const wanted = version === undefined ? name : `${name}@${version}`;
  throw new CalcidiscError('MODEL_MISSING', `no model ${wanted} is registered; there is ${known}`);
}

export interface ModelCommand {
  readonly reference: ModelReference;
  readonly to: ModelChange['to'];
  readonly actor: string;
}

/**
 * What a person asks for on the command line.
 * @throws CalcidiscError MODEL_MISSING, MODEL_HASH_MISMATCH, MODEL_STATE: nothing has changed then
 */
export async function commandModel(
  tx: Tx,
  folders: ModelFolders,
  { reference, to, actor }: ModelCommand,
): Promise<ModelRow> {
  const row = await resolveModel(tx, reference);
  const named = `${row.name}@${row.version}`;
  const refuse = (why: string) => new CalcidiscError('MODEL_STATE', `${named} ${why}`);
  if (row.kind === 'localiser') throw refuse('is a localiser: the configuration chooses it (locate.model)');
  if (row.state === 'active' && to !== 'active') throw refuse('decides now: activate another model first');
  if (to !== 'retired') await verifyFile(openClassifier(row, folders));
  return changeModel(tx, { id: row.id, to, actor });
}

async function verifyFile({ path, sha256 }: Classifier): Promise<void> {
  const found = await fileSha256(path);
  if (found === sha256) return;
  throw new CalcidiscError('MODEL_HASH_MISMATCH', `${path} has SHA-256 ${found}, registered is ${sha256}`);
}

/**
 * The classifier that was active before the one that is now.
 * @throws CalcidiscError MODEL_STATE when there is none
 */
export async function previousActive(tx: Tx): Promise<ModelRow> {
  const rows = await listModels(tx, { kind: 'classifier' });
  const active = rows.find(({ state }) => state === 'active');
  for (const id of await activationHistory(tx)) {
    const row = rows.find((candidate) => candidate.id === id);
    if (row && row.id !== active?.id) return row;
  }
  throw new CalcidiscError(
    'MODEL_STATE',
    'there is nothing to roll back to: no other classifier was ever active',
  );
}
