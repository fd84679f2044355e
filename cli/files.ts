import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Progress, showProgress } from './progress.js';

/**
 * All files that paths name, folders walked to the bottom, in a stable order. DICOMDIR files are indexes of media,
 * not objects, and are left out of folders.
 * @throws the file system's error for a path that does not exist
 */
export async function filesUnder(paths: readonly string[], isForMachine = false): Promise<string[]> {
  const files: string[] = [];
  const progress = showProgress(null, 'files found', isForMachine);
  try {
    for (const path of paths) {
      if ((await stat(path)).isDirectory()) await walk(path, files, progress);
      else files.push(path);
    }
  } finally {
    progress.end();
  }
  return files;
}

async function walk(dir: string, files: string[], progress: Progress): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await walk(path, files, progress);
    else if (entry.isFile() && entry.name !== 'DICOMDIR') files.push(path);
  }
  progress.at(files.length);
}
