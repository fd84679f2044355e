import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '../../db/server/database.js';
import type { Tx } from '../../db/server/knex.js';
import type { ModelRow } from '../../db/tables/models.js';
import { readModelFolder } from '../../models/catalogue/modelFiles.js';
import { commandModel, register, registerHostModels } from '../../models/catalogue/registry.js';
import { quietLog } from '../support/database.js';

/** A models folder of one's own, filled from another. Remove it. */
export async function temporaryModels(from?: string): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'calcidisc-models-'));
  if (from) await cp(join(from, 'tiny-classifier'), join(folder, 'tiny-classifier'), { recursive: true });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** The classifier of the tests decides. */
export async function activateTiny({ knex }: Database, folders: readonly string[]): Promise<ModelRow> {
  await registerHostModels(knex, folders, quietLog);
  return commandModel(knex, folders, {
    reference: { name: 'tiny-classifier' },
    to: 'active',
    actor: 'user:test',
  });
}

/** Another version of tiny-classifier@1 in the same folder, with some entries of its card changed; registered. */
export async function copyModel(
  tx: Tx,
  folder: string,
  name: string,
  version: string,
  change: Readonly<Record<string, unknown>>,
  { keepFile = true } = {},
): Promise<ModelRow> {
  const target = await copyModelFolder(folder, name, version, change);
  const row = await register(tx, await readModelFolder(target));
  if (!keepFile) await rm(target, { recursive: true });
  return row;
}

export async function copyModelFolder(
  folder: string,
  name: string,
  version: string,
  change: Readonly<Record<string, unknown>>,
): Promise<string> {
  const target = join(folder, name, version);
  await cp(join(folder, 'tiny-classifier', '1'), target, { recursive: true });
  const path = join(target, 'card.json');
  const card = { ...JSON.parse(await readFile(path, 'utf8')), name, version, ...change };
  await writeFile(path, JSON.stringify(card));
  return target;
}
