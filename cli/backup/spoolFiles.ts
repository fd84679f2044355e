import { constants, createReadStream, createWriteStream, existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { CalcidiscError } from '../../agent/domain/errors.js';

/** In this order: an object moves from `new` to `store` meanwhile, and must not be missed by both. */
const PLACES = ['new', 'aside', 'commitments', 'store'];

export interface Counted {
  readonly files: number;
  readonly bytes: number;
}

/** Every file of the spool but what is still arriving, which nobody was promised. */
export async function* spoolFiles(spool: string): AsyncGenerator<{ path: string; bytes: number }> {
  for (const place of PLACES)
    for await (const path of filesIn(join(spool, place))) {
      const found = await stat(path).catch(() => null);
      if (found) yield { path: relative(spool, path), bytes: found.size };
    }
}

async function* filesIn(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else if (entry.isFile()) yield path;
  }
}

/** What has moved on since it was listed is copied from where it went. */
export async function copySpool(from: string, to: string): Promise<Counted> {
  let [files, bytes] = [0, 0];
  for await (const file of spoolFiles(from)) {
    const target = join(to, file.path);
    await mkdir(dirname(target), { recursive: true });
    const isCopied = await copyFile(join(from, file.path), target, constants.COPYFILE_FICLONE).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return false;
        throw error;
      },
    );
    if (!isCopied) continue;
    files++;
    bytes += file.bytes;
  }
  return { files, bytes };
}

/** A line for each file, `{path, bytes}`, gzipped. */
export async function listSpool(from: string, listFile: string): Promise<Counted> {
  let [files, bytes] = [0, 0];
  async function* lines() {
    for await (const file of spoolFiles(from)) {
      files++;
      bytes += file.bytes;
      yield `${JSON.stringify(file)}\n`;
    }
  }
  await pipeline(Readable.from(lines()), createGzip(), createWriteStream(listFile, { flags: 'wx' }));
  return { files, bytes };
}

/** @returns how many listed files are not there, or not as long as they were */
export async function missingFromSpool(spool: string, listFile: string): Promise<number> {
  let missing = 0;
  for await (const line of createInterface({ input: createReadStream(listFile).pipe(createGunzip()) })) {
    const { path, bytes } = JSON.parse(line) as { path: string; bytes: number };
    const found = await stat(join(spool, path)).catch(() => null);
    if (found?.size !== bytes) missing++;
  }
  return missing;
}

/**
 * Objects that came between the database's moment and the copy of their file: the restored index does not know them,
 * so they wait for it again. @returns how many
 */
export async function handBackUnknown(
  spool: string,
  isKnown: (spoolPath: string) => boolean,
): Promise<number> {
  let count = 0;
  for await (const path of filesIn(join(spool, 'store'))) {
    if (isKnown(relative(dirname(spool), path))) continue;
    const target = join(spool, 'new', basename(path));
    if (existsSync(target)) throw new CalcidiscError('BACKUP_INVALID', `${target} lies in store and in new`);
    await mkdir(dirname(target), { recursive: true });
    await rename(path, target);
    count++;
  }
  return count;
}
