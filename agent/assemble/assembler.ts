import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import { endAssociation, insertAssociation, loseDeadAssociations } from '../../db/tables/associations.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { listReceivingHere } from '../../db/tables/series.js';
import { casesOfSeries } from '../../db/views/casesOfSeries.js';
import { type Appointments, openAppointments } from '../../db/work/appointments.js';
import type { AssociationInfo, EndedAssociation, SpooledFile } from '../receive/types.js';
import { type CompleteContext, lookAtSeries } from './complete.js';
import { type IndexContext, indexFiles } from './indexer.js';
import { type News, openNewsLine } from './newsLine.js';
import { SpooledReader } from './readSpooled.js';

export interface AssembleContext extends IndexContext, CompleteContext {
  readonly config: Pick<Config, 'assemble' | 'dicom'>;
  readonly log: Logger;
  wake(row: CaseRow): void;
  /** Told of every series that got new images, when they are in the index. */
  onIndexed?(seriesInstanceUids: ReadonlySet<string>): void;
  /** A series is complete, and what follows from it is committed. */
  onComplete?(): void;
}

/** What the receiver's news become: rows, complete series, cases. */
export interface Assembler {
  associationOpened(association: AssociationInfo): void;
  associationEnded(ended: EndedAssociation): void;
  stored(file: SpooledFile): void;
  /** What is known about a series has changed: it is looked at now. */
  look(seriesInstanceUid: string): void;
  /** Objects that are durable but not indexed yet. */
  readonly backlog: number;
  /** The last try to write the index failed; it is tried again until it succeeds. */
  readonly isStuck: boolean;
  /** The moment the index has caught up with, milliseconds since the epoch. */
  indexedUntilMs(): number;
  /** Resolves when everything that was told so far is in the index. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

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
  const { log } = context;
  const reader = new SpooledReader();
  const line = openNewsLine(async (batch) => {
    const changed = await deal(context, reader, batch);
    // No later than that: what else comes, of whatever series, does not put a look off.
    for (const uid of changed) looks.planBy(uid, line.backlog > 0 ? LOOK_WHEN_BEHIND_MS : 0);
  }, log);
  const looks = openAppointments({
    work: async (seriesInstanceUid) => {
      const againInMs = await look(context, seriesInstanceUid, line.indexedUntilMs());
      if (againInMs !== null) looks.plan(seriesInstanceUid, againInMs);
    },
  });
  const sweeper = setInterval(() => void sweep(context, looks), SWEEP_MS);
  void sweep(context, looks);

  return {
    associationOpened: (association) => line.tell({ kind: 'opened', association }),
    associationEnded: (ended) => line.tell({ kind: 'ended', ended }),
    stored: (file) => line.tell({ kind: 'stored', file }),
    look: (seriesInstanceUid) => looks.plan(seriesInstanceUid, 0),
    get backlog() {
      return line.backlog;
    },
    get isStuck() {
      return line.isStuck;
    },
    indexedUntilMs: line.indexedUntilMs,
    settled: line.settled,
    async close() {
      clearInterval(sweeper);
      await Promise.all([looks.close(), line.close()]);
    },
  };
}

/** @returns the series to look at */
async function deal(
  context: AssembleContext,
  reader: SpooledReader,
  batch: readonly News[],
): Promise<Iterable<string>> {
  const { knex } = context.database;
  const first = batch[0]!;
  if (first.kind === 'opened') {
    await insertAssociation(knex, first.association);
    return [];
  }
  if (first.kind === 'ended') {
    await endAssociation(knex, first.ended.id, first.ended);
    return (await listReceivingHere(knex, context.store ?? null)).map(
      ({ seriesInstanceUid }) => seriesInstanceUid,
    );
  }
  const files = batch.filter((item) => item.kind === 'stored').map(({ file }) => file);
  const changed = await indexFiles(context, reader, files);
  context.onIndexed?.(changed);
  return changed;
}

/** @returns when to look again; null when there is no need to */
async function look(context: AssembleContext, seriesInstanceUid: string, nowMs: number) {
  const { log } = context;
  try {
    const result = await lookAtSeries(context, seriesInstanceUid, nowMs);
    if (!result) return null;
    if (!result.complete) return Math.max(LOOK_AT_LEAST_MS, result.lookAgainMs - nowMs);
    const { role, roleReason, completeReason } = result.series;
    const about = await casesOfSeries(context.database.knex, seriesInstanceUid, result.wake);
    log.info({ seriesInstanceUid, ...about, role, roleReason, completeReason }, 'series complete');
    context.onComplete?.();
    for (const row of result.wake) context.wake(row);
    return null;
  } catch (error) {
    log.error({ err: error, seriesInstanceUid }, 'looking at a series failed: trying again');
    return RETRY_MS;
  }
}

async function sweep(
  { database: { knex }, store, log }: AssembleContext,
  looks: Appointments,
): Promise<void> {
  try {
    const lost = await loseDeadAssociations(knex);
    if (lost.length > 0)
      log.warn({ associations: lost.length }, 'associations of a process that is gone: lost');
    for (const { seriesInstanceUid } of await listReceivingHere(knex, store ?? null))
      if (!looks.has(seriesInstanceUid)) looks.plan(seriesInstanceUid, 0);
  } catch (error) {
    log.warn({ err: error }, 'the sweep over receiving series failed');
  }
}
