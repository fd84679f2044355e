import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { sha256 } from '../../agent/domain/hash.js';
import type { Config } from '../../config/schema.js';
import { parseReference } from './card.js';
import { findModelFile, modelFoldersOf } from './modelFiles.js';

/** The part of a localiser's card that the arithmetic before and behind the network needs. */
const CardSchema = z.object({
  name: z.string(),
  version: z.string(),
  kind: z.literal('localiser'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  input: z.object({
    name: z.string(),
    spacingMm: z.number().positive(),
    multipleOf: z.number().int().positive().default(32),
    normalisation: z.object({
      low: z.number(),
      high: z.number(),
      mean: z.number(),
      std: z.number().positive(),
      ctWindowHu: z.tuple([z.number(), z.number()]).default([-200, 600]),
    }),
  }),
  /** Where the output is `marks`, the last convolution's bytes: logit = (byte - zero) * scale. Else `tissue` and `level`. */
  marks: z.object({ scale: z.number().positive(), zero: z.number().int() }).optional(),
});

export type LocaliserCard = z.output<typeof CardSchema>;

export interface LocaliserModel {
  readonly card: LocaliserCard;
  readonly bytes: Uint8Array;
}

/** A localiser's folder and what its card says. */
export interface LocaliserFolder {
  readonly folder: string;
  readonly card: LocaliserCard;
}

/**
 * The localiser that the configuration chooses: `locate.model` names one version, or has the highest of a name. Looked
 * for where every model is (modelFiles.ts), its hash verified.
 * @throws CalcidiscError MODEL_MISSING naming those there are, MODEL_CARD_INVALID, MODEL_HASH_MISMATCH
 */
export async function findLocaliser(config: Pick<Config, 'dataDir' | 'locate'>): Promise<LocaliserFolder> {
  const { path } = await findModelFile(modelFoldersOf(config), parseReference(config.locate.model));
  const folder = dirname(path);
  return { folder, card: localiserCard(folder) };
}

/** @throws CalcidiscError MODEL_MISSING, MODEL_CARD_INVALID */
export function localiserCard(folder: string): LocaliserCard {
  const path = join(folder, 'card.json');
  let card: unknown;
  try {
    card = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new CalcidiscError(
      'MODEL_MISSING',
      `the card of a localiser cannot be read: ${path}`,
      {},
      { cause },
    );
  }
  const parsed = CardSchema.safeParse(card);
  if (parsed.success) return parsed.data;
  throw new CalcidiscError(
    'MODEL_CARD_INVALID',
    `${path} is of no localiser: ${z.prettifyError(parsed.error)}`,
  );
}

/** @throws CalcidiscError MODEL_MISSING, MODEL_HASH_MISMATCH */
export function readModel(folder: string): LocaliserModel {
  const card = localiserCard(folder);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(join(folder, 'model.onnx'));
  } catch (cause) {
    throw new CalcidiscError('MODEL_MISSING', `the localiser cannot be read: ${folder}`, {}, { cause });
  }
  const found = sha256(bytes);
  if (found !== card.sha256)
    throw new CalcidiscError('MODEL_HASH_MISMATCH', 'the localiser is not the file its card describes', {
      expected: card.sha256,
      found,
    });
  return { card, bytes };
}
