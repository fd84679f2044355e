import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * All files that paths name, folders walked to the bottom, in a stable order. DICOMDIR files are indexes of media,
 * not objects, and are left out of folders.
 * @throws the file system's error for a path that does not exist
 */
export async function filesUnder(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    if ((await stat(path)).isDirectory()) files.push(...(await walk(path)));
    else files.push(path);
  }
  return files;
}

async function walk(dir: string): Promise<string[]> {
  const files: string[] = [];
  const entries = await readdir(dir, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) files.push(...(await walk(path)));
    else if (entry.isFile() && entry.name !== 'DICOMDIR') files.push(path);
  }
  return files;
}
