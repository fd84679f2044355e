import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import { endAssociation, insertAssociation, loseDeadAssociations } from '../../db/tables/associations.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { listReceivingSeries } from '../../db/tables/series.js';
import type { AssociationEnd, AssociationInfo, SpooledFile } from '../receive/types.js';
import { type CompleteContext, lookAtSeries } from './complete.js';
import { type IndexContext, indexFiles } from './indexer.js';

export interface AssembleContext extends IndexContext, CompleteContext {
  readonly config: Pick<Config, 'assemble' | 'dicom'>;
  readonly log: Logger;
  wake(row: CaseRow): void;
  /** Told of every series that got new images, when they are in the index. */
  onIndexed?(seriesInstanceUids: ReadonlySet<string>): void;
}

/** What the receiver's news become: rows, complete series, cases. */
export interface Assembler {
  associationOpened(association: AssociationInfo): void;
  associationEnded(id: string, how: AssociationEnd): void;
  stored(file: SpooledFile): void;
  /** What is known about a series has changed: it is looked at now. */
  look(seriesInstanceUid: string): void;
  /** Objects that are durable but not indexed yet. */
  readonly backlog: number;
  /** The last try to write the index failed; it is tried again until it succeeds. */
  readonly isStuck: boolean;
  /** Resolves when everything that was told so far is in the index. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

type News =
  | { readonly kind: 'opened'; readonly association: AssociationInfo }
  | { readonly kind: 'ended'; readonly id: string; readonly how: AssociationEnd }
  | { readonly kind: 'stored'; readonly file: SpooledFile };

/** As many objects go into one transaction; more would hold its locks for longer than it saves. */
const BATCH = 250;
/** Every receiving series is looked at so often whatever happened: the safety net under the timers. */
const SWEEP_MS = 5_000;
const RETRY_MS = 1_000;
const LOOK_AT_LEAST_MS = 5;
/** While more objects wait for the index, a look would see a part and read it all again soon. */
const LOOK_WHEN_BEHIND_MS = 250;

/**
 * One line of work, in the order of arrival: an association's end is dealt with after the last of its objects.
 * The database may go away: the news wait, and the receiver refuses by the length of the backlog.
 */
export function startAssembler(context: AssembleContext): Assembler {
  const { database, log } = context;
  const news: News[] = [];
  /** Taken out of the line, not yet in the index. */
  let inHand: readonly News[] = [];
  const timers = new Map<string, NodeJS.Timeout>();
  let closed = false;
  let isStuck = false;
  let running: Promise<void> | null = null;

  function tell(item: News): void {
    news.push(item);
    running ??= drain().finally(() => {
      running = null;
    });
  }

  async function drain(): Promise<void> {
    while (news.length > 0 && !closed) {
      const batch = takeBatch(news);
      inHand = batch;
      try {
        const changed = await deal(batch);
        for (const uid of changed) look(uid, news.length > 0 ? LOOK_WHEN_BEHIND_MS : 0);
        isStuck = false;
      } catch (error) {
        isStuck = true;
        log.error(
          { err: error, waiting: news.length + batch.length },
          'the index cannot be written: trying again',
        );
        news.unshift(...batch);
        inHand = [];
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
      inHand = [];
    }
  }

  /**
   * The moment the index has caught up with: silence is judged as of then, or a sender that is faster than the index
   * would look silent while its images wait here.
   */
  function indexedUntilMs(): number {
    const oldest = [...inHand, ...news].find((item) => item.kind === 'stored');
    return oldest ? oldest.file.receivedAt.getTime() : Date.now();
  }

  async function deal(batch: readonly News[]): Promise<Iterable<string>> {
    const first = batch[0]!;
    if (first.kind === 'opened') {
      await insertAssociation(database.knex, first.association);
      return [];
    }
    if (first.kind === 'ended') {
      await endAssociation(database.knex, first.id, first.how);
      return (await listReceivingSeries(database.knex)).map(({ seriesInstanceUid }) => seriesInstanceUid);
    }
    const changed = await indexFiles(
      context,
      batch.filter((item) => item.kind === 'stored').map(({ file }) => file),
    );
    context.onIndexed?.(changed);
    return changed;
  }

  function look(seriesInstanceUid: string, inMs: number): void {
    if (closed) return;
    clearTimeout(timers.get(seriesInstanceUid));
    timers.set(
      seriesInstanceUid,
      setTimeout(() => void lookNow(seriesInstanceUid), inMs),
    );
  }

  async function lookNow(seriesInstanceUid: string): Promise<void> {
    timers.delete(seriesInstanceUid);
    try {
      const nowMs = indexedUntilMs();
      const result = await lookAtSeries(context, seriesInstanceUid, nowMs);
      if (result && !result.complete)
        look(seriesInstanceUid, Math.max(LOOK_AT_LEAST_MS, result.lookAgainMs - nowMs));
      if (!result?.complete) return;
      const { role, completeReason } = result.series;
      log.info({ seriesInstanceUid, role, completeReason }, 'series complete');
      for (const row of result.wake) context.wake(row);
    } catch (error) {
      log.error({ err: error, seriesInstanceUid }, 'looking at a series failed: trying again');
      look(seriesInstanceUid, RETRY_MS);
    }
  }

  async function sweep(): Promise<void> {
    try {
      const lost = await loseDeadAssociations(database.knex);
      if (lost.length > 0)
        log.warn({ associations: lost.length }, 'associations of a process that is gone: lost');
      for (const { seriesInstanceUid } of await listReceivingSeries(database.knex))
        if (!timers.has(seriesInstanceUid)) look(seriesInstanceUid, 0);
    } catch (error) {
      log.warn({ err: error }, 'the sweep over receiving series failed');
    }
  }

  const sweeper = setInterval(() => void sweep(), SWEEP_MS);
  void sweep();

  return {
    associationOpened: (association) => tell({ kind: 'opened', association }),
    associationEnded: (id, how) => tell({ kind: 'ended', id, how }),
    stored: (file) => tell({ kind: 'stored', file }),
    look: (seriesInstanceUid) => look(seriesInstanceUid, 0),
    get backlog() {
      return news.length;
    },
    get isStuck() {
      return isStuck;
    },
    async settled() {
      while (running) await running;
    },
    async close() {
      closed = true;
      clearInterval(sweeper);
      for (const timer of timers.values()) clearTimeout(timer);
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
