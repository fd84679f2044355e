import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CalcidiscError } from '../../agent/domain/errors.js';

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
});

export type LocaliserCard = z.output<typeof CardSchema>;

export interface LocaliserModel {
  readonly card: LocaliserCard;
  readonly bytes: Uint8Array;
}

/**
 * `<models>/<name>/<version>`: the version that `NAME@VERSION` names, or the highest of `NAME`.
 * @throws CalcidiscError MODEL_MISSING
 */
export function newestModelDir(modelsDir: string, reference: string): string {
  const [name, version] = reference.split('@') as [string, string | undefined];
  const folder = join(modelsDir, name);
  if (version !== undefined) return join(folder, version);
  const versions = existsSync(folder) ? readdirSync(folder).filter((entry) => /^\d+$/.test(entry)) : [];
  const newest = versions.sort((a, b) => Number(a) - Number(b)).at(-1);
  if (newest === undefined)
    throw new CalcidiscError('MODEL_MISSING', `there is no localiser in models/${name}`);
  return join(folder, newest);
}

/** @throws CalcidiscError MODEL_MISSING */
export function localiserCard(folder: string): LocaliserCard {
  try {
    return CardSchema.parse(JSON.parse(readFileSync(join(folder, 'card.json'), 'utf8')));
  } catch (cause) {
    throw new CalcidiscError('MODEL_MISSING', "the localiser's card cannot be read", {}, { cause });
  }
}

/** @throws CalcidiscError MODEL_MISSING, MODEL_HASH_MISMATCH */
export function readModel(folder: string): LocaliserModel {
  const card = localiserCard(folder);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(join(folder, 'model.onnx'));
  } catch (cause) {
    throw new CalcidiscError('MODEL_MISSING', 'the localiser cannot be read', {}, { cause });
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== card.sha256)
    throw new CalcidiscError('MODEL_HASH_MISMATCH', 'the localiser is not the file its card describes', {
      expected: card.sha256,
      found: sha256,
    });
  return { card, bytes };
}
