import { existsSync, statSync } from 'node:fs';
import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Config } from '../../config/schema.js';
import type { Finding } from './finding.js';

const MIB_PER_BYTE = 1 / (1 << 20);
const WHAT = 'data folder';
const SETTING = 'dataDir, CALCIDISC_DATA';

/** Looked at, not made: whether a start could make it and write in it, and how much room there is. */
export async function checkDataFolder({
  dataDir,
  dicom,
}: Pick<Config, 'dataDir' | 'dicom'>): Promise<Finding> {
  const path = resolve(dataDir);
  const place = nearest(path);
  try {
    await access(place, constants.W_OK | constants.X_OK);
    for (const inside of ['spool', 'spool/new', 'spool/store'].map((name) => join(path, name)))
      if (existsSync(inside)) await access(inside, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(place);
    const freeMiB = Math.floor(bavail * bsize * MIB_PER_BYTE);
    const detail = `${path}${place === path ? '' : ', not made yet'}, ${freeMiB} MiB free`;
    if (freeMiB >= dicom.minFreeDiskMiB) return { what: WHAT, verdict: 'ok', detail };
    const advice = 'make room: until then every object is refused (A700)';
    const under = `${detail}, below the ${dicom.minFreeDiskMiB} MiB of dicom.minFreeDiskMiB`;
    return { what: WHAT, verdict: 'failed', detail: under, setting: SETTING, advice };
  } catch (error) {
    return unwritable(path, error);
  }
}

/**
 * Makes the folder at a start.
 * @returns what is wrong with it; null when it is there and can be written
 */
export async function makeDataFolder(dataDir: string): Promise<Finding | null> {
  const path = resolve(dataDir);
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return unwritable(path, error);
  }
}

function unwritable(path: string, error: unknown): Finding {
  const { code, path: at = path } = error as NodeJS.ErrnoException;
  const file = [at, path].find((each) => existsSync(each) && !statSync(each).isDirectory());
  if (file) return notAFolder(file);
  const uid = process.getuid?.();
  const owner =
    existsSync(at) && uid !== undefined ? `; it belongs to user ${statSync(at).uid}, this is ${uid}` : '';
  const detail = `${at} cannot be written (${code ?? (error as Error).message}${owner})`;
  const advice = 'make it writable for this account (chown, chmod), or name another folder';
  return { what: WHAT, verdict: 'failed', detail, setting: SETTING, advice };
}

function notAFolder(file: string): Finding {
  const detail = `${file} is a file, and a folder is meant`;
  const advice = 'name another one, or move the file away';
  return { what: WHAT, verdict: 'failed', detail, setting: SETTING, advice };
}

/** The folder itself, or the nearest one above it that is there. */
function nearest(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearest(dirname(path));
}
