import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../config/log.js';
import type { Database } from '../../db/server/database.js';
import { listUncut, markCut, type UncutFile } from '../../db/tables/instancesBefore.js';
import { DEFLATED_LITTLE_ENDIAN } from '../dicom/keywords.js';
import { readPart10Header } from '../dicom/parse.js';

interface CutContext {
  readonly database: Pick<Database, 'knex'>;
  readonly dataDir: string;
  readonly store?: number;
  readonly log: Logger;
}

const EVERY_MS = 60_000;
/** Whoever is reading a file that was replaced is done with it by then. */
const SPARED_MS = 15 * 60_000;
const AT_ONCE = 200;

/**
 * Of a file that another header has replaced only its own header has to be kept: its pixels are those of the file in
 * its place. A PACS that forwards every image once more would fill the disk twice.
 */
export function startCutting(context: CutContext): { close(): Promise<void> } {
  let running: Promise<unknown> | null = null;
  const timer = setInterval(() => {
    running ??= cutBefore(context, SPARED_MS)
      .catch((error: unknown) => context.log.warn({ err: error }, 'replaced files cannot be cut: later'))
      .finally(() => {
        running = null;
      });
  }, EVERY_MS);
  timer.unref();
  return {
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}

/** @returns how many files were cut down to their headers */
export async function cutBefore({ database, dataDir, store }: CutContext, sparedMs: number): Promise<number> {
  const { knex } = database;
  let count = 0;
  for (const file of await listUncut(knex, store ?? null, sparedMs, AT_ONCE)) {
    const sizeBytes = await cutToHeader(join(dataDir, file.spoolPath), file);
    await markCut(knex, file.id, sizeBytes);
    if (sizeBytes !== null) count += 1;
  }
  return count;
}

/** @returns what is left of it; null for a file that is gone, or stays as it is */
async function cutToHeader(path: string, { transferSyntaxUid }: UncutFile): Promise<number | null> {
  if (transferSyntaxUid === DEFLATED_LITTLE_ENDIAN) return null;
  try {
    const { dataSet } = await readPart10Header(path);
    if (dataSet.ending !== 'pixel-data') return null;
    await replaceBy(path, dataSet.bytes.subarray(0, dataSet.end));
    return dataSet.end;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Whole or not at all: a crash leaves the one or the other under the name. */
async function replaceBy(path: string, bytes: Uint8Array): Promise<void> {
  const beside = `${path}.cut`;
  await rm(beside, { force: true });
  const handle = await open(beside, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, path);
}
