import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { sha256 } from '../../agent/domain/hash.js';
import { fileSha256 } from '../catalogue/modelFiles.js';

/** Says how far a step is, 0 to 1, and what it does just now. */
export type Tell = (fraction: number, detail: string) => void;

export interface Stage {
  /** Of its stamp's file. */
  readonly name: string;
  readonly title: string;
  /** Its share of the whole, in any unit. */
  readonly weight: number;
  /** Everything the outputs follow from, as JSON: arguments, and hashes of files. */
  inputs(): Promise<unknown>;
  /** Files and folders it makes. */
  readonly outputs: readonly string[];
  /** Whether it goes on from what an interrupted run left; otherwise that is thrown away first. */
  readonly resumes?: boolean;
  run(tell: Tell): Promise<void>;
}

const StampSchema = z.object({
  key: z.string(),
  /** Hash of each output when the step had finished; null while it has not. */
  outputs: z.record(z.string(), z.string()).nullable(),
  seconds: z.number().optional(),
});
type Stamp = z.output<typeof StampSchema>;

export type Outcome = { readonly kind: 'done'; readonly seconds: number } | { readonly kind: 'unchanged' };

/** Hears when a step really begins, and how far it is. */
export interface Listener {
  readonly begins: (step: Stage) => void;
  readonly tell: Tell;
}

/**
 * Runs a step, unless its stamp in folder/stamps says that these very inputs have given these very outputs before. A
 * stamp with other inputs has its outputs removed first, so that nothing of another run is taken for this one's.
 */
export async function runStage(step: Stage, folder: string, { begins, tell }: Listener): Promise<Outcome> {
  const path = join(folder, 'stamps', `${step.name.replaceAll(/[^\w.-]/g, '-')}.json`);
  const key = sha256(JSON.stringify(await step.inputs()));
  const stamp = await readStamp(path);
  const names = step.outputs.map((output) => relative(folder, output));
  if (stamp?.key === key && stamp.outputs && (await areThere(folder, names, stamp.outputs)))
    return { kind: 'unchanged' };
  const goesOn = stamp?.key === key && stamp.outputs === null && step.resumes === true;
  if (!goesOn) for (const output of step.outputs) await rm(output, { recursive: true, force: true });
  begins(step);
  await writeStamp(path, { key, outputs: null });
  const begin = performance.now();
  await step.run(tell);
  const seconds = Math.round((performance.now() - begin) / 100) / 10;
  const outputs = Object.fromEntries(
    await Promise.all(
      step.outputs.map(async (output) => [relative(folder, output), await hashOf(output)] as const),
    ),
  );
  await writeStamp(path, { key, outputs, seconds });
  return { kind: 'done', seconds };
}

async function areThere(
  folder: string,
  names: readonly string[],
  hashes: Readonly<Record<string, string>>,
): Promise<boolean> {
  for (const name of names) {
    const path = join(folder, name);
    if (!existsSync(path) || (await hashOf(path)) !== hashes[name]) return false;
  }
  return true;
}

/** SHA-256 of a file, or of a folder's files by name and content. */
export async function hashOf(path: string): Promise<string> {
  if (!(await stat(path)).isDirectory()) return fileSha256(path);
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file.slice(path.length)} ${await fileSha256(file)}\n`);
  return hash.digest('hex');
}

async function readStamp(path: string): Promise<Stamp | null> {
  if (!existsSync(path)) return null;
  try {
    return StampSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    // A stamp cut off half-way vouches for nothing.
    return null;
  }
}

async function writeStamp(path: string, stamp: Stamp): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(`${path}.part`, `${JSON.stringify(stamp, null, 1)}\n`);
  await rename(`${path}.part`, path);
}
