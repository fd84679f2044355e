import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileSha256 } from '../catalogue/modelFiles.js';
import { trainingFolder } from './python.js';
import { hashOf } from './steps.js';

const DATA = ['classifier_data', 'levels', 'roi', 'sacrum', 'simulate', 'spider'];
const TRAINING = [
  'average',
  'dataset',
  'classifier_metrics',
  'classifier_net',
  'networks',
  'processes',
  'train_classifier',
];

/** Modules of the training package by what follows from them: a change elsewhere repeats nothing. */
const MODULES = {
  sets: [...DATA, 'write_dataset'],
  training: [...DATA, ...TRAINING],
  card: [...DATA, ...TRAINING, 'classifier_card', 'dataset_card', 'export', 'parity', 'runtime'],
} as const;

/** SHA-256 over the Python sources, by name and content; simulate stands for all simulate_*.py. */
export async function trainingCodeHash(part: keyof typeof MODULES): Promise<string> {
  const folder = join(trainingFolder, 'calcidisc_training');
  const wanted = new Set<string>(MODULES[part]);
  const files = (await readdir(folder)).filter(
    (file) => file.endsWith('.py') && wanted.has(file.slice(0, -3).replace(/^simulate_.*/, 'simulate')),
  );
  const hash = createHash('sha256');
  for (const file of files.sort()) hash.update(`${file} ${await fileSha256(join(folder, file))}\n`);
  return hash.digest('hex');
}

/** Of what evaluates and reports, as it was compiled. */
export async function compiledCodeHash(): Promise<string> {
  const models = join(dirname(fileURLToPath(import.meta.url)), '..');
  const rooms = ['study', 'statistics', 'evaluation', '../worker'];
  const hashes = await Promise.all(rooms.map((room) => hashOf(join(models, room))));
  return createHash('sha256').update(hashes.join(' ')).digest('hex');
}
