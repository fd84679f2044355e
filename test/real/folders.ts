import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readHeader } from '../../agent/dicom/header.js';
import { filesUnder } from '../../cli/files.js';

export interface SeriesFolder {
  readonly path: string;
  readonly modality: string;
  readonly seriesInstanceUid: string;
  readonly files: readonly string[];
  /** What truth.json beside the images says; null without one. */
  readonly truth: unknown;
}

/** Every series below the folders, by folder and SeriesInstanceUID. */
export async function readSeriesFolders(dirs: readonly string[]): Promise<SeriesFolder[]> {
  const found = new Map<
    string,
    { path: string; modality: string; seriesInstanceUid: string; files: string[] }
  >();
  for (const file of await filesUnder(dirs)) {
    const header = await readHeader(file).catch(() => null);
    if (!header?.seriesInstanceUid) continue;
    const path = dirname(file);
    const key = `${path} ${header.seriesInstanceUid}`;
    const { modality, seriesInstanceUid } = header;
    if (!found.has(key)) found.set(key, { path, modality: modality ?? '', seriesInstanceUid, files: [] });
    found.get(key)!.files.push(file);
  }
  return [...found.values()].map((folder) => ({ ...folder, truth: readTruth(folder.path) }));
}

function readTruth(path: string): unknown {
  const file = join(path, 'truth.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}
