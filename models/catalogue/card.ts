import { z } from 'zod';
import { CalcidiscError } from '../../agent/domain/errors.js';

const Hash = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 is 64 lower-case hexadecimal digits');
/** Names and versions become folder names and part of NAME@VERSION on the command line. */
const Word = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dot, dash and underscore');
const Triple = z.tuple([z.number(), z.number(), z.number()]);

const CommonCard = {
  name: Word,
  version: z.union([Word, z.number().int().nonnegative().transform(String)]),
  sha256: Hash,
};

/** What the worker relies on; everything else a card says is kept as it stands and shown to people. */
const ClassifierCardSchema = z.looseObject({
  ...CommonCard,
  kind: z.literal('classifier'),
  input: z.looseObject({
    name: z.string().min(1),
    normalisation: z.looseObject({
      mean: Triple,
      std: Triple.refine((std) => std.every((s) => s > 0), 'must be positive'),
    }),
  }),
  threshold: z.number().min(0).max(1),
  /** The share of calcified ones at which the probability is calibrated; without it nobody has calibrated it. */
  calibration: z.looseObject({ prevalence: z.number().gt(0).lt(1) }).optional(),
  /** From here to the threshold the answer is `indeterminate`; without it there is no such answer. */
  indeterminateFrom: z.number().min(0).max(1).optional(),
  /** Where the network's output `distance` is above this the answer is `not-assessable`. */
  assessable: z.looseObject({ maxDistance: z.number().positive() }).optional(),
  /** The discs of a spine are held against one another (worker/spine.ts), and the bounds are of what comes of it. */
  withinSpine: z
    .looseObject({ weight: z.number().min(0), scale: z.number().positive(), shift: z.number() })
    .optional(),
});
const LocaliserCardSchema = z.looseObject({ ...CommonCard, kind: z.literal('localiser') });
const CardSchema = z.discriminatedUnion('kind', [ClassifierCardSchema, LocaliserCardSchema]);

export type Card = Readonly<z.output<typeof CardSchema>>;
export type ClassifierCard = Readonly<z.output<typeof ClassifierCardSchema>>;

/**
 * The card beside a model file.
 * @throws CalcidiscError MODEL_CARD_INVALID naming the entry that is wrong
 */
export function parseCard(input: unknown, where: string): Card {
  const parsed = CardSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new CalcidiscError('MODEL_CARD_INVALID', `${where}: ${z.prettifyError(parsed.error)}`);
}

/** @throws CalcidiscError MODEL_CARD_INVALID also for a localiser, which classifies nothing */
export function parseClassifierCard(input: unknown, where: string): ClassifierCard {
  const card = parseCard(input, where);
  if (card.kind === 'classifier') return card;
  throw new CalcidiscError('MODEL_CARD_INVALID', `${where} is a ${card.kind}, not a classifier`);
}

export interface ModelReference {
  readonly name: string;
  readonly version?: string;
}

/** NAME or NAME@VERSION as people write it. */
export function parseReference(text: string): ModelReference {
  const [name = '', version] = text.split('@', 2);
  return version === undefined ? { name } : { name, version };
}

/** '10' stands above '9', '1.10.0' above '1.9.2'. */
export function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
