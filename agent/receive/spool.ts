import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { mkdir, readdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import type { Logger } from 'pino';
import { DirectorySync, syncDirectory } from './directorySync.js';
import { IncomingObject, type ObjectHeader } from './incomingObject.js';
import { readSpooledFile } from './spooledFile.js';
import type { SpooledFile } from './types.js';

export interface Spool {
  readonly dir: string;
  /** A new object: write its data set into it, then `commit` or `discard`. */
  receive(header: ObjectHeader): IncomingObject;
  /**
   * Objects that were acknowledged and not yet handed on, oldest first, read again and held against the checksum of
   * what arrived.
   */
  pending(): AsyncIterable<SpooledFile>;
  /**
   * Moves an object to its place under the store's directory. A power cut leaves it there or among the pending.
   * @returns its new absolute path
   * @throws RangeError when the path leads out of the store; Error when something already lies there
   */
  keep(file: SpooledFile, relativePath: string): Promise<string>;
  /** Moves an object out of the way with the reason beside it: nothing that was acknowledged is thrown away. */
  setAside(file: SpooledFile, reason: string): Promise<string>;
  /** Deletes an object that is known to lie in the store already, byte for byte. */
  drop(file: SpooledFile): Promise<void>;
  /** @throws Error when the disk refuses to write */
  probe(): Promise<void>;
  close(): Promise<void>;
}

export interface SpoolOptions {
  /** <dataDir>/spool */
  readonly dir: string;
  /** Where `keep` puts objects; on the same file system. Default: `store` in the spool. */
  readonly storeDir?: string;
  readonly log: Logger;
}

/**
 * Opens the durable spool: `incoming/` holds what is still arriving (and is cleared here: none of it was ever
 * acknowledged), `new/` what was acknowledged and waits for the index, `aside/` what a person has to look at.
 */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const places = placesOf(options);
  await rm(places.incoming, { recursive: true, force: true });
  for (const place of Object.values(places)) await mkdir(place, { recursive: true });
  await syncDirectory(places.dir);
  return joinSpool(options);
}

/** The same spool once more, for another thread of the process that opened it. */
export async function joinSpool(options: SpoolOptions): Promise<Spool> {
  const places = placesOf(options);
  const newDirectory = await DirectorySync.open(places.new);
  const log = options.log;

  return {
    dir: places.dir,
    receive: (header) => new IncomingObject(header, places, newDirectory),
    pending: () => pendingIn(places.new, log, (file, reason) => moveAside(file, places.aside, reason)),
    keep: async (file, relativePath) => {
      const path = resolve(places.store, relativePath);
      if (!path.startsWith(places.store + sep)) throw new RangeError('the path leads out of the store');
      if (existsSync(path)) throw new Error(`an object lies there already: ${path}`);
      // Not synced: should the move not survive a power cut, the object lies in `new` as it did before.
      moveTo(file.path, path);
      return path;
    },
    setAside: (file, reason) => moveAside(file.path, places.aside, reason),
    drop: (file) => unlink(file.path),
    probe: async () => {
      const path = join(places.incoming, `probe-${randomBytes(6).toString('hex')}`);
      await writeFile(path, 'x');
      await unlink(path);
    },
    close: () => newDirectory.close(),
  };
}

function placesOf({ dir: given, storeDir }: SpoolOptions) {
  const dir = resolve(given);
  return {
    dir,
    incoming: join(dir, 'incoming'),
    new: join(dir, 'new'),
    aside: join(dir, 'aside'),
    store: resolve(storeDir ?? join(dir, 'store')),
  };
}

async function* pendingIn(
  dir: string,
  log: Logger,
  aside: (path: string, reason: string) => Promise<string>,
): AsyncGenerator<SpooledFile> {
  // Names begin with the time of receipt in milliseconds, of one length until the year 2286.
  for (const name of (await readdir(dir)).filter((each) => each.endsWith('.dcm')).sort()) {
    const path = join(dir, name);
    const file = await readSpooledFile(path);
    if (file !== null) yield file;
    else
      log.error(
        { path: await aside(path, 'not a DICOM file, or not the one that arrived') },
        'a spooled object was set aside',
      );
  }
}

async function moveAside(path: string, aside: string, reason: string): Promise<string> {
  const target = join(aside, basename(path));
  await writeFile(`${target}.reason.txt`, `${reason}\n`);
  await rename(path, target);
  await syncDirectory(aside);
  return target;
}

/**
 * Synchronous: a rename changes two names in memory, and costs a tenth of the way to the thread pool and back. The
 * folder is there but for the first object in it.
 */
function moveTo(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(to), { recursive: true });
    renameSync(from, to);
  }
}
