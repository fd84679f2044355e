import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../../agent/domain/hash.js';
import { fileSha256 } from '../catalogue/modelFiles.js';
import { trainingFolder } from './python.js';
import { hashOf } from './stages.js';

const DATA = [
  ...['spine/levels', 'spine/sacrum', 'spine/spacing', 'spine/spider'],
  ...['sets/classifier_data', 'sets/roi', 'sets/simulate'],
] as const;
const TRAINING = [
  ...['common/average', 'common/processes', 'sets/dataset'],
  ...['classifier/classifier_metrics', 'classifier/classifier_net', 'classifier/networks'],
  'classifier/train_classifier',
] as const;
const CARD = [
  ...['common/export', 'common/runtime'],
  ...['classifier/classifier_card', 'classifier/dataset_card', 'classifier/parity'],
] as const;

/** Modules of the training package by what follows from them: a change elsewhere repeats nothing. */
const MODULES = {
  sets: [...DATA, 'sets/write_dataset'],
  training: [...DATA, ...TRAINING],
  card: [...DATA, ...TRAINING, ...CARD],
} as const;

/** SHA-256 over the Python sources, by name and content; simulate stands for all simulate_*.py. */
export async function trainingCodeHash(part: keyof typeof MODULES): Promise<string> {
  const folder = join(trainingFolder, 'calcidisc_training');
  const wanted = new Set<string>(MODULES[part]);
  const files = (await readdir(folder, { recursive: true }))
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.py') && wanted.has(moduleOf(file)));
  const missing = MODULES[part].filter((name) => !files.includes(`${name}.py`));
  if (missing.length > 0) throw new Error(`${folder} lacks ${missing.join(', ')}`);
  const hash = createHash('sha256');
  for (const file of files.sort()) hash.update(`${file} ${await fileSha256(join(folder, file))}\n`);
  return hash.digest('hex');
}

function moduleOf(file: string): string {
  return file.slice(0, -'.py'.length).replace(/\/simulate_.*/, '/simulate');
}

/** Of what evaluates and reports, as it was compiled. */
export async function compiledCodeHash(): Promise<string> {
  const models = join(dirname(fileURLToPath(import.meta.url)), '..');
  const rooms = ['study', 'statistics', 'evaluation', '../worker'];
  const hashes = await Promise.all(rooms.map((room) => hashOf(join(models, room))));
  return sha256(hashes.join(' '));
}
