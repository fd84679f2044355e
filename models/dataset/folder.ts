import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { sha256 } from '../../agent/domain/hash.js';

export const MANIFEST_FILE = 'dataset.json';
export const TABLE_FILE = 'labels.csv';
export const SUMS_FILE = 'SHA256SUMS';
/** What `kind` says in our dataset.json; a folder without it is never replaced. */
export const KIND = 'calcidisc-dataset';

/** A folder that is filled out of sight and appears whole, or not at all. */
export interface NewFolder {
  write(file: string, content: string | Uint8Array): Promise<void>;
  /** SHA-256 of SHA256SUMS, once that is written: it stands for every byte of the folder. */
  finish(): Promise<string>;
  /** Puts it in its place; with `force` an export that was there goes. */
  appear(): Promise<void>;
  discard(): Promise<void>;
}

/**
 * @throws CalcidiscError FOLDER_IN_USE when the folder holds anything, and with `force` when that is no export of ours
 */
export async function newFolder(outDir: string, force: boolean): Promise<NewFolder> {
  const place = resolve(outDir);
  await refuseTaken(place, force);
  const beside = (suffix: string) =>
    join(dirname(place), `.${basename(place)}.${suffix}-${randomBytes(4).toString('hex')}`);
  const hidden = beside('part');
  const sums = new Map<string, string>();
  await mkdir(hidden, { recursive: true });
  const write = async (file: string, content: string | Uint8Array) => {
    await mkdir(dirname(join(hidden, file)), { recursive: true });
    await writeFile(join(hidden, file), content);
    sums.set(file, sha256(content));
  };
  return {
    write,
    async finish() {
      const lines = [...sums]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([file, sum]) => `${sum}  ${file}\n`);
      await write(SUMS_FILE, lines.join(''));
      return sums.get(SUMS_FILE)!;
    },
    async appear() {
      await refuseTaken(place, force);
      const old = beside('old');
      const had = await rename(place, old).then(
        () => true,
        () => false,
      );
      await rename(hidden, place).catch(async (error: unknown) => {
        if (had) await rename(old, place);
        throw error;
      });
      if (had) await rm(old, { recursive: true });
    },
    discard: () => rm(hidden, { recursive: true, force: true }),
  };
}

async function refuseTaken(place: string, force: boolean): Promise<void> {
  const entries = await readdir(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new CalcidiscError('FOLDER_IN_USE', `${place} is no folder that can be written: ${error.code}`);
  });
  if (entries.length === 0) return;
  if (!force)
    throw new CalcidiscError(
      'FOLDER_IN_USE',
      `${place} is not empty; --force replaces an export that is there`,
    );
  if (!(await isExport(place)))
    throw new CalcidiscError(
      'FOLDER_IN_USE',
      `${place} holds files that are no export: --force does not touch them`,
    );
}

/** An export of ours and nothing that somebody laid beside it since. */
async function isExport(place: string): Promise<boolean> {
  try {
    if (JSON.parse(await readFile(join(place, MANIFEST_FILE), 'utf8')).kind !== KIND) return false;
    const sums = await readFile(join(place, SUMS_FILE), 'utf8');
    const ours = new Set([SUMS_FILE, ...sums.split('\n').map((line) => line.slice(66))]);
    const there = await readdir(place, { recursive: true, withFileTypes: true });
    return there
      .filter((entry) => !entry.isDirectory())
      .every((entry) => ours.has(relative(place, join(entry.parentPath, entry.name)).replaceAll('\\', '/')));
  } catch {
    return false;
  }
}
