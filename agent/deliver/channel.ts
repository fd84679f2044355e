import type { Destination, Form } from '../../config/destinations.js';
import type { Config } from '../../config/schema.js';
import { asCalcidiscError, type CalcidiscError } from '../domain/errors.js';
import type { ObjectForm } from '../report/forms.js';
import type { News } from './news.js';
import type { Told } from './told.js';

/** What became of sending one form of a report once, whatever the destination speaks. */
export type Outcome =
  | {
      readonly kind: 'stored';
      /** The destination's own word, for people: a DIMSE status, an HTTP status. */
      readonly answer: string;
      readonly isWarning: boolean;
    }
  /** Something of that UID is there already; whether it is ours, who sends cannot know. */
  | { readonly kind: 'there-already'; readonly answer: string; readonly error: CalcidiscError }
  | {
      readonly kind: 'failed';
      /** null when the destination said nothing. */
      readonly answer: string | null;
      /** Its code says whether to try again. */
      readonly error: CalcidiscError;
    }
  /** We ended it ourselves, as the process stops. */
  | { readonly kind: 'interrupted'; readonly error: CalcidiscError };

/** One form of a result as it goes out. */
export interface Item {
  readonly form: Form;
  /** A DICOM file, or a message's text as UTF-8. */
  readonly bytes: Uint8Array;
  /** What it is known by at the destination: SOP Instance UID, control id, identifier. */
  readonly id: string;
}

export interface ChannelContext {
  readonly config: Pick<Config, 'dicom'>;
  /** Aborted when the process stops: what is under way ends as `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** Forms that are being made, and follow at once: a channel that holds a connection keeps it for them. */
  readonly toFollow?: readonly ObjectForm[];
}

/** A way to a destination: one file each, beside channels/cStore.ts. */
export interface Channel<D extends Destination = Destination> {
  /** Sends each once. Never throws: what goes wrong is an outcome. @returns one for each item, in their order */
  send(items: readonly Item[], destination: D, context: ChannelContext): Promise<readonly Outcome[]>;
  /**
   * Writes the message of a channel that sends no DICOM objects; the same for what is told and the destination's
   * settings, so that a retry repeats it.
   * @throws CalcidiscError TEMPLATE_INVALID
   */
  compose?(told: Told, destination: D): Promise<Item>;
  /** The same for what is no result; a channel without it carries results alone. */
  composeNews?(news: News): Promise<Item>;
  /** Where it went, for the log. */
  describe(destination: D, context: ChannelContext): Readonly<Record<string, string>>;
}

/**
 * One item after the other, for a channel that has no way to send several at once. An error that `sendOne` throws or
 * gives while the process stops says nothing of the destination: the item was interrupted.
 */
export async function oneByOne(
  items: readonly Item[],
  signal: AbortSignal | undefined,
  sendOne: (item: Item) => Promise<Outcome>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const item of items) {
    const outcome = await sendOne(item).catch(
      (thrown): Outcome => ({ kind: 'failed', answer: null, error: asCalcidiscError(thrown) }),
    );
    outcomes.push(
      outcome.kind === 'failed' && signal?.aborted ? { kind: 'interrupted', error: outcome.error } : outcome,
    );
  }
  return outcomes;
}
