import type { Logger } from '../../config/log.js';
import { backoffMs } from '../../db/work/backoff.js';
import type { Source } from './source.js';

/** A source that does not answer is left alone: so long at first, twice as long each time, up to the second. */
const SOURCE_BACKOFF = { firstMs: 5_000, maxMs: 300_000 };

/** Which sources are left alone for now. */
export class SourceSilence {
  readonly #silent = new Map<string, { failures: number; untilMs: number }>();

  constructor(private readonly log: Logger) {}

  mayBeAsked({ name }: Source): boolean {
    return (this.#silent.get(name)?.untilMs ?? 0) <= Date.now();
  }

  answered({ name }: Source): void {
    this.#silent.delete(name);
  }

  leaveAlone({ name }: Source, reason: string): void {
    const failures = (this.#silent.get(name)?.failures ?? 0) + 1;
    const forMs = backoffMs(failures, SOURCE_BACKOFF);
    this.#silent.set(name, { failures, untilMs: Date.now() + forMs });
    this.log.warn({ source: name, reason, forMs }, 'a source does not say how many images a series has');
  }
}
