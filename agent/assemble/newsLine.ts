import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../config/log.js';
import type { AssociationInfo, EndedAssociation, SpooledFile } from '../receive/types.js';

/** What the receiver tells. */
export type News =
  | { readonly kind: 'opened'; readonly association: AssociationInfo }
  | { readonly kind: 'ended'; readonly ended: EndedAssociation }
  | { readonly kind: 'stored'; readonly file: SpooledFile };

/** As many objects go into one transaction; more would hold its locks for longer than it saves. */
const BATCH = 250;
const RETRY_MS = 1_000;

/** The receiver's news in the order in which they came; a batch that cannot be dealt with is tried again. */
export interface NewsLine {
  tell(item: News): void;
  /** How many wait, but for those in hand. */
  readonly backlog: number;
  readonly isStuck: boolean;
  /**
   * The moment the index has caught up with: silence is judged as of then, or a sender that is faster than the index
   * would look silent while its images wait here.
   */
  indexedUntilMs(): number;
  settled(): Promise<void>;
  close(): Promise<void>;
}

export function openNewsLine(deal: (batch: readonly News[]) => Promise<void>, log: Logger): NewsLine {
  const news: News[] = [];
  /** Taken out of the line, not yet in the index. */
  let inHand: readonly News[] = [];
  let closed = false;
  let isStuck = false;
  let running: Promise<void> | null = null;

  async function drain(): Promise<void> {
    while (news.length > 0 && !closed) {
      inHand = takeBatch(news);
      isStuck = !(await isDealtWith(inHand));
      if (isStuck) news.unshift(...inHand);
      inHand = [];
      if (isStuck) await sleep(RETRY_MS);
    }
  }

  async function isDealtWith(batch: readonly News[]): Promise<boolean> {
    try {
      await deal(batch);
      return true;
    } catch (err) {
      log.error({ err, waiting: news.length + batch.length }, 'the index cannot be written: trying again');
      return false;
    }
  }

  return {
    tell(item) {
      news.push(item);
      running ??= drain().finally(() => {
        running = null;
      });
    },
    get backlog() {
      return news.length;
    },
    get isStuck() {
      return isStuck;
    },
    indexedUntilMs() {
      const oldest = [...inHand, ...news].find((item) => item.kind === 'stored');
      return oldest ? oldest.file.receivedAt.getTime() : Date.now();
    },
    async settled() {
      while (running) await running;
    },
    async close() {
      closed = true;
      await running;
    },
  };
}

/** The stored objects at the head of the line, up to a batch; or one other piece of news. */
function takeBatch(news: News[]): News[] {
  let length = 0;
  while (length < BATCH && news[length]?.kind === 'stored') length++;
  return news.splice(0, Math.max(1, length));
}
