import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CalcidiscError } from '../../agent/domain/errors.js';
import type { Engine } from '../../worker/engine.js';
import type { ModelFile } from '../catalogue/modelFiles.js';
import { classifierOf } from '../evaluation/score.js';

const SIDE = 224;

const ParitySchema = z.looseObject({
  sha256: z.string(),
  madeWith: z.string(),
  tolerance: z.number().positive(),
  probabilities: z.array(z.number()).min(1),
});

export interface Parity {
  readonly regions: number;
  readonly largestDifference: number;
  readonly tolerance: number;
  readonly madeWith: string;
}

/**
 * How far the engine's probabilities are from PyTorch's, which models/training wrote into parity.json beside the model.
 * @throws CalcidiscError MODEL_CARD_INVALID when there is none, or it is another file's
 */
export async function measureParity(engine: Engine, file: ModelFile): Promise<Parity> {
  const path = join(dirname(file.path), 'parity.json');
  if (!existsSync(path))
    throw new CalcidiscError(
      'MODEL_CARD_INVALID',
      `${path} is missing: python -m calcidisc_training.classifier.parity --run RUN --model ${dirname(file.path)} writes it`,
    );
  const expected = ParitySchema.parse(JSON.parse(await readFile(path, 'utf8')));
  if (expected.sha256 !== file.card.sha256)
    throw new CalcidiscError('MODEL_CARD_INVALID', `${path} was written for another model file`);
  const regions = expected.probabilities.map((_, k) => parityRegion(k));
  const answers = await Promise.all(engine.classify(classifierOf(file), regions));
  const differences = answers.map(({ probability }, k) => Math.abs(probability - expected.probabilities[k]!));
  return {
    regions: regions.length,
    largestDifference: Math.max(...differences),
    tolerance: expected.tolerance,
    madeWith: expected.madeWith,
  };
}

/** The k-th drawn region, 224 by 224, byte for byte as calcidisc_training/classifier/parity.py draws it. */
export function parityRegion(k: number): Uint8Array {
  const grey = new Uint8Array(SIDE * SIDE);
  const grain = 1 + (k % 3);
  for (let row = 0; row < SIDE; row++)
    for (let col = 0; col < SIDE; col++) {
      const noise = hashed(k * SIDE * SIDE + row * SIDE + col) >>> 24;
      const wave = triangle(row * (2 + (k % 5)) + col * (1 + (k % 7)));
      const band = Math.min(255, Math.abs(row - 112) * (2 + (k % 4)));
      grey[row * SIDE + col] = Math.floor((3 * wave + grain * noise + 6 * band) / (9 + grain));
    }
  return grey;
}

function triangle(value: number): number {
  const v = value % 256;
  return v < 128 ? 2 * v : 511 - 2 * v;
}

/** Mueller's hash of a uint32. */
function hashed(value: number): number {
  let v = value >>> 0;
  v = Math.imul(v ^ (v >>> 16), 0x7feb352d) >>> 0;
  v = Math.imul(v ^ (v >>> 15), 0x846ca68b) >>> 0;
  return (v ^ (v >>> 16)) >>> 0;
}
