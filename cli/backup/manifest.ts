import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CalcidiscError } from '../../agent/domain/errors.js';

/** `copied`: the images are in the backup; `listed`: their names and sizes are, the images are kept by other means. */
export const SPOOL_MODES = ['copied', 'listed'] as const;

const Manifest = z.object({
  format: z.literal(1),
  calcidisc: z.string(),
  createdAt: z.iso.datetime(),
  database: z.object({
    serverVersion: z.string(),
    migrations: z.array(z.string()),
    tables: z.array(
      z.object({ name: z.string(), columns: z.array(z.string()), rows: z.number(), sha256: z.string() }),
    ),
    sequences: z.array(z.object({ name: z.string(), lastValue: z.number().nullable() })),
    auditHead: z.object({ seq: z.number(), hash: z.string() }),
  }),
  spool: z.object({ mode: z.enum(SPOOL_MODES), files: z.number(), bytes: z.number() }),
  models: z.number(),
  datasetKey: z.boolean(),
  /** Files that rows of the trail were written to before a policy deleted them. */
  trailFiles: z.number().default(0),
});

export type Manifest = z.output<typeof Manifest>;

export const MANIFEST_FILE = 'manifest.json';

/** @throws CalcidiscError BACKUP_INVALID */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST_FILE);
  try {
    return Manifest.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new CalcidiscError('BACKUP_INVALID', `${folder} is no backup of Calcidisc: ${why}`, {}, { cause });
  }
}
