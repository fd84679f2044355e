import { CalcidiscError } from '../../agent/domain/errors.js';
import type { Logger } from '../../config/log.js';
import type { Tx } from '../../db/server/knex.js';
import {
  type Activation,
  activationHistory,
  changeModel,
  findModel,
  listModels,
  type ModelChange,
  type ModelRow,
  modelsAtWork,
  registerModel,
} from '../../db/tables/models.js';
import { type ClassifierCard, type ModelReference, parseClassifierCard } from './card.js';
import { latestOf, missingClassifier, settleDefault } from './defaultClassifier.js';
import { withLocalBounds } from './localBounds.js';
import {
  type ClassifierFile,
  fileSha256,
  findModelFiles,
  locateModelFile,
  type ModelFile,
  type ModelFolders,
} from './modelFiles.js';

/** A classifier as the registry names it, with its file on this host. */
export interface Classifier extends ClassifierFile {
  readonly row: ModelRow;
}

/** Enters the models of this host into the registry, and settles which decides where nobody has chosen. */
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
  await settleDefault(tx, folders, log);
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
  if (!active || locateModelFile(folders, active.path) === null) {
    const missing = missingClassifier(active, await listModels(tx, { kind: 'classifier' }), folders);
    if (missing) return { missing };
  }
  return {
    active: openClassifier(active!, folders),
    shadows: rows.filter(({ state }) => state === 'shadow'),
  };
}

/** @throws CalcidiscError MODEL_MISSING, MODEL_CARD_INVALID */
export function openClassifier(row: ModelRow, folders: ModelFolders): Classifier {
  const named = `${row.name}@${row.version}`;
  const path = locateModelFile(folders, row.path);
  if (path === null)
    throw new CalcidiscError('MODEL_MISSING', `${named} is registered, but ${row.path} is not on this host`);
  return { row, path, sha256: row.sha256, card: cardOf(row) };
}

/** The card of a registered classifier, with the site's own bounds where it has set some. @throws CalcidiscError MODEL_CARD_INVALID */
export function cardOf({ name, version, card, localBounds }: ModelRow): ClassifierCard {
  return withLocalBounds(parseClassifierCard(card, `the card of ${name}@${version}`), localBounds);
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
  /** Why, for the trail. */
  readonly reason?: string;
  /** The one before, taken back: what it takes the place of is not gone back to by the next roll-back. */
  readonly isRollback?: boolean;
}

/**
 * What a person asks for, on the command line or on the page.
 * @throws CalcidiscError MODEL_MISSING, MODEL_HASH_MISMATCH, MODEL_STATE: nothing has changed then
 */
export async function commandModel(
  tx: Tx,
  folders: ModelFolders,
  { reference, to, actor, reason, isRollback = false }: ModelCommand,
): Promise<ModelRow> {
  const row = await resolveModel(tx, reference);
  const named = `${row.name}@${row.version}`;
  const refuse = (why: string) => new CalcidiscError('MODEL_STATE', `${named} ${why}`);
  if (row.kind === 'localiser') throw refuse('is a localiser: the configuration chooses it (locate.model)');
  if (row.state === 'active' && to !== 'active') throw refuse('decides now: activate another model first');
  if (to !== 'retired') await verifyFile(openClassifier(row, folders));
  const detail = { ...(reason && { reason }), ...(isRollback && { rollback: true }) };
  return changeModel(tx, { id: row.id, to, actor, detail });
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
  const before = standing(await activationHistory(tx)).at(-2);
  const row = (await listModels(tx, { kind: 'classifier' })).find(({ id }) => id === before);
  if (row) return row;
  throw new CalcidiscError(
    'MODEL_STATE',
    'there is nothing to roll back to: no other classifier was active before this one. `calcidisc model activate` takes any',
  );
}

/** The ids that a roll-back goes back through, the active one last: one that was withdrawn by a roll-back is not in it. */
function standing(history: readonly Activation[]): readonly string[] {
  const stack: string[] = [];
  for (const { id, isRollback } of history.toReversed()) {
    if (isRollback) stack.pop();
    if (stack.at(-1) !== id) stack.push(id);
  }
  return stack;
}
