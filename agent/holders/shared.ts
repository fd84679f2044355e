import { readFile, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import type { Config } from '../../config/schema.js';
import type { ListedStore } from '../../db/tables/stores.js';
import { CalcidiscError } from '../domain/errors.js';

/**
 * Where our data folder lies in the folder that all agents see.
 * @returns null where agents share none
 * @throws CalcidiscError SHARED_FOLDER when it cannot be seen, or the data folder does not lie in it
 */
export async function sharedPathOf({
  agents: { sharedFolder },
  dataDir,
}: Pick<Config, 'agents' | 'dataDir'>): Promise<string | null> {
  if (sharedFolder === undefined) return null;
  const refuse = (why: string) => new CalcidiscError('SHARED_FOLDER', `agents.sharedFolder: ${why}`);
  const seen = (path: string) =>
    realpath(path).catch((cause: NodeJS.ErrnoException) => {
      throw refuse(`${path} cannot be seen (${cause.code ?? cause.message})`);
    });
  const path = relative(await seen(sharedFolder), await seen(dataDir));
  if (path !== '' && path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path)) return path;
  throw refuse(`dataDir ${dataDir} has to lie in ${sharedFolder}, in a folder of its own`);
}

/**
 * Whether what lies where another agent's folder ought to be is that folder: by the number that it wrote there.
 * @returns why it cannot be read from here, in words; null: it can
 */
export async function unseen(
  sharedFolder: string,
  { name, number, sharedPath }: Pick<ListedStore, 'name' | 'number' | 'sharedPath'>,
): Promise<string | null> {
  if (sharedPath === null) return `${name} does not say that its data folder lies in a shared one`;
  const file = join(sharedFolder, sharedPath, 'spool', 'number');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => error);
  if (typeof text !== 'string') return `the data folder of ${name} is not seen here: ${file} (${text.code})`;
  return Number(text) === number ? null : `${file} is of another data folder than that of ${name}`;
}
