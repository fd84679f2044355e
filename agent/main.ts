import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../config/log.js';
import type { Config } from '../config/schema.js';
import type { Database } from '../db/server/database.js';
import { findSopClasses } from '../db/tables/instances.js';
import { findSeries } from '../db/tables/series.js';
import { isBackfilledWhole } from '../db/views/backfilled.js';
import type { Queues } from '../db/work/queue.js';
import { startSweep } from '../db/work/sweep.js';
import type { WorkingOff } from '../db/work/workOff.js';
import { type Assembler, startAssembler } from './assemble/assembler.js';
import { startCutting } from './assemble/cutBefore.js';
import { startRefusals } from './assemble/refusals.js';
import { openBackfills } from './backfill/runner.js';
import { openNotices } from './deliver/notices.js';
import { openSafekeeping } from './deliver/safekeeping.js';
import { takeBackIfClosed } from './deliver/withdraw.js';
import type { WebDoor } from './dicom/web/door.js';
import { CalcidiscError } from './domain/errors.js';
import { Opened } from './domain/opened.js';
import { startHearing } from './hear/hear.js';
import { startHl7Listener } from './hear/written/listener.js';
import { type Files, openFiles } from './holders/files.js';
import { serveImages } from './holders/serve.js';
import { agentsSecret, announceStore } from './holders/store.js';
import { type Locator, openLocator } from './locate/pool.js';
import { hastenCase, seriesComplete, seriesRead } from './pair/reconsider.js';
import { askForPriors } from './query/askForPriors.js';
import { startCounts } from './query/counts.js';
import { type Fetcher, startFetcher } from './query/fetcher.js';
import { openStudyCounts } from './query/studyCounts.js';
import { startTakeUp } from './query/takeUp.js';
import { type Reader, readerOf } from './read/reader.js';
import { openReadings } from './read/readings.js';
import { startCommitments } from './receive/commitments.js';
import { AGENT_USES } from './receive/policy.js';
import type { Receiver } from './receive/receiver.js';
import { openSpool, type Spool } from './receive/spool.js';
import { spoolNumber } from './receive/spoolNumber.js';
import type { Acceptance } from './receive/storeSession.js';
import { startReceiverThread } from './receive/thread.js';
import type { ReceiveEvents } from './receive/types.js';
import { openWebDoor } from './receive/webDoor.js';
import { startRetention } from './retain/retention.js';
import { compileRules, type DecideRole } from './route/rules.js';
import { agentSteps } from './steps/index.js';
import { startAnchors } from './tell/anchors.js';
import { startSyslog } from './tell/syslog.js';

export interface AgentParts {
  readonly config: Config;
  readonly database: Database;
  readonly queues: Queues;
  readonly log: Logger;
}

export interface RunningAgent {
  readonly dicomPort: number;
  /** Images, ours and those of other agents. */
  readonly files: Files;
  /** Why objects are refused now (A700); null while they are taken. */
  refusal(): string | null;
  /** Where objects come in that are sent by HTTP. */
  readonly door: WebDoor;
  /** Resolves when every object that was acknowledged so far is in the index. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** So many cases are worked on at once; most of a step is waiting for the locate threads or the PACS. */
const CASES_AT_ONCE = 4;
/** Objects that are durable but not indexed: past this the database is taken for gone, and senders are told so. */
const MOST_BACKLOG = 20_000;
/** A process that was killed a moment ago may still hold its locks. */
const CLAIM_PATIENCE_MS = 5_000;

/**
 * A lumbar MR arrives by DICOM, is paired with any CT within 28 days, its mid-sagittal slice and discs are found,
 * the worker classifies each, and the answer goes back to the PACS as a Structured Report.
 */
export async function startAgent(parts: AgentParts): Promise<RunningAgent> {
  const opened = new Opened();
  try {
    return await openAgent(parts, opened);
  } catch (error) {
    await opened.close().catch(() => undefined);
    throw error;
  }
}

/** What all of the agent's parts share while they are opened. */
interface Opening extends AgentParts {
  /** Closed in the reverse order of keeping. */
  readonly opened: Opened;
  readonly spool: Spool;
  /** The number of our data folder (spool_store). */
  readonly store: number;
  readonly files: Files;
  readonly locator: Locator;
  readonly reader: Reader;
  /** Opened later than who tells them something. */
  readonly later: { readings?: WorkingOff; hearing?: WorkingOff; fetcher?: Fetcher; receiver?: Receiver };
}

async function openAgent(parts: AgentParts, opened: Opened): Promise<RunningAgent> {
  const { config, database, log } = parts;
  mkdirSync(config.dataDir, { recursive: true });
  const decideRole = compileRules(config.route);
  const spoolDir = join(config.dataDir, 'spool');
  const store = await claimSpool(database, spoolDir);
  const spool = opened.keep(await openSpool({ dir: spoolDir, log }));
  const locator = opened.keep(await openLocator(config, log));
  const reader = readerOf(config, locator.localiser);
  const files = await openHolder(parts, opened, store);
  const opening: Opening = { ...parts, opened, spool, store, files, locator, reader, later: {} };

  const assembler = openAssembler(opening, decideRole);
  const readings = keepReadings(opening);
  opening.later.hearing = opened.keep(startHearing({ database, dataDir: config.dataDir, log }));
  const { hl7, language } = config.hear;
  if (hl7) opened.keep(await startHl7Listener(hl7, { database, language, log }));
  await handOn(spool, assembler, log);
  openSteps(opening, assembler);
  const { receiver, door } = await openReceiver(opening, assembler);
  openFetcher(opening, door);
  // Reading takes every core: who comes back to a heap of work takes images first.
  opening.later.readings = readings;
  readings.begin();
  const refusal = () => reasonOf(receiver.acceptance());
  opened.keep(openBackfills({ config, database, log, refusal, door })).begin();
  return {
    dicomPort: receiver.port,
    files,
    refusal,
    door,
    settled: async () => {
      await receiver.flush();
      await assembler.settled();
    },
    close: () => opened.close(),
  };
}

/** What was acknowledged before and is not in the index: read again, which takes its time after a kill in a burst. */
async function handOn(spool: Spool, assembler: Assembler, log: Logger): Promise<void> {
  let objects = 0;
  for await (const file of spool.pending()) {
    assembler.stored(file);
    objects += 1;
  }
  if (objects > 0) log.info({ objects }, 'acknowledged before, now on their way into the index');
}

/** Which images are ours, and those of other agents. */
async function openHolder(
  { config, database, log }: AgentParts,
  opened: Opened,
  store: number,
): Promise<Files> {
  const secret = await agentsSecret(config.agents);
  if (secret !== null) opened.keep(await serveImages({ config, database, store, secret, log }));
  opened.keep(await announceStore(config, database, store, log));
  const { sharedFolder } = config.agents;
  return openFiles({ database, dataDir: config.dataDir, store, secret, sharedFolder });
}

function openAssembler(opening: Opening, decideRole: DecideRole): Assembler {
  const { config, database, queues, log, opened, spool, store, files, reader, later } = opening;
  const counts = opened.keep(
    startCounts({ config, database, log, onCount: (series) => assembler.look(series) }),
  );
  const assembler = startAssembler({
    config,
    database,
    dataDir: config.dataDir,
    spool,
    store,
    files,
    decideRole,
    log,
    onIndexed: (series) => {
      counts.ask(series);
      later.hearing?.wake();
    },
    onSeriesComplete: async (trx, series) => {
      await askForPriors(trx, series, config);
      const wake = await seriesComplete(trx, series, { reader });
      await takeBackIfClosed(trx, config, series.studyInstanceUid);
      return wake;
    },
    onComplete: () => later.readings?.wake(),
    wake: (row) => {
      later.fetcher?.wake();
      void queues.wake(row);
    },
  });
  return opened.keep(assembler);
}

function keepReadings(opening: Opening): WorkingOff {
  const { config, database, queues, log, opened, store, files, locator, reader } = opening;
  const reconsidering = { reader, windowDays: config.pair.windowDays };
  return opened.keep(
    openReadings({
      config,
      database,
      store,
      files,
      locator,
      reader,
      onRead: (trx, row) => seriesRead(trx, row, reconsidering),
      wakeCase: (row) => void queues.wake(row),
      log,
    }),
  );
}

function openSteps(opening: Opening, assembler: Assembler): void {
  const { config, database, queues, log, opened, files, reader, later } = opening;
  const stopping = new AbortController();
  const studyCounts = openStudyCounts({ config, database, log });
  const steps = agentSteps({
    config,
    database,
    queues,
    files,
    reader,
    isStudyWhole: async (study) =>
      (await isBackfilledWhole(database.knex, study)) || studyCounts.isWhole(study),
    wakeReadings: () => later.readings?.wake(),
    indexedUntilMs: assembler.indexedUntilMs,
    signal: stopping.signal,
    log,
    retry: config.retry,
  });
  opened.keep(queues.runAgent(steps, CASES_AT_ONCE));
  // Before the steps are waited for: a PACS that says nothing would keep them.
  opened.keep({
    close: async () => {
      stopping.abort();
      studyCounts.close();
    },
  });
  const sweep = startSweep(queues, database, config.queue.sweepMs, log);
  opened.keep({ close: () => sweep.stop() });
}

async function openReceiver(
  opening: Opening,
  assembler: Assembler,
): Promise<{ receiver: Receiver; door: WebDoor }> {
  const { config, database, queues, log, opened, spool, store, later } = opening;
  const commitments = opened.keep(await openCommitments(opening, assembler));
  const refusals = opened.keep(startRefusals({ database, log }));
  opened.keep(startCutting({ database, dataDir: config.dataDir, store, log }));
  opened.keep(startRetention({ config, database, dataDir: config.dataDir, store, log }));
  opened.keep(startSyslog({ config, database, log }));
  opened.keep(startAnchors({ config, database, log }));
  const safekeeping = opened.keep(
    openSafekeeping({ config, database, log, wake: (row) => void queues.wake(row) }),
  );
  const events: ReceiveEvents = {
    associationOpened: assembler.associationOpened,
    associationEnded: assembler.associationEnded,
    stored: assembler.stored,
    refused: refusals.refused,
  };
  const receiver = await startReceiverThread({
    dicom: config.dicom,
    spool,
    events: {
      ...events,
      commitmentRequested: (owed) => commitments.requested(owed),
      commitmentReported: safekeeping.reported,
    },
    log,
    logFormat: config.log.format,
    isAccepting: () => acceptance(assembler),
    uses: [...AGENT_USES, 'commitment'],
  });
  later.receiver = opened.keep(receiver);
  // What it asks for comes to the listener.
  safekeeping.begin();
  const notices = opened.keep(await openNotices({ config, database, log }));
  notices.begin();
  const door = openWebDoor({
    policy: { dicom: config.dicom, uses: AGENT_USES },
    spool,
    events,
    log,
    // The receiver's word has the disk's and the index's in it.
    isAccepting: () => receiver.acceptance(),
  });
  return { receiver, door };
}

function openCommitments({ config, database, log, spool, later }: Opening, assembler: Assembler) {
  return startCommitments({
    config,
    spoolDir: spool.dir,
    settled: () => assembler.settled(),
    findSopClasses: (sopInstanceUids) => findSopClasses(database.knex, sopInstanceUids),
    reportOn: async (associationId, result) =>
      (await later.receiver?.reportCommitment(associationId, result)) ?? false,
    log,
  });
}

/** Closed first: a move that fails because we are closing is no failure of the PACS. */
function openFetcher({ config, database, queues, log, opened, later }: Opening, door: WebDoor): void {
  const { knex } = database;
  opened.keep(startTakeUp({ config, database, log, door }));
  later.fetcher = opened.keep(
    startFetcher({
      config,
      database,
      door,
      log,
      onAttempt: async ({ seriesInstanceUid }) => {
        const series = await findSeries(knex, seriesInstanceUid);
        const row = series && (await hastenCase(knex, series.studyInstanceUid));
        if (row) await queues.wake(row);
      },
    }),
  );
}

/**
 * Two agents in one spool would clear away what the other one is receiving.
 * @returns the spool's number
 * @throws CalcidiscError FOLDER_IN_USE
 */
async function claimSpool(database: Database, dir: string): Promise<number> {
  const number = await spoolNumber(dir);
  if (await database.claim(number, CLAIM_PATIENCE_MS)) return number;
  throw new CalcidiscError(
    'FOLDER_IN_USE',
    `another agent works in ${dir}: give this one a data folder of its own (dataDir, CALCIDISC_DATA)`,
  );
}

function reasonOf(acceptance: Acceptance | undefined): string | null {
  return acceptance && !acceptance.ok ? acceptance.reason : null;
}

/** Taken back by itself: what is stuck is tried again every second, and a backlog is worked off. */
function acceptance({ backlog, isStuck }: Assembler): Acceptance {
  if (isStuck) return { ok: false, status: 'outOfResources', reason: 'the index cannot be written' };
  if (backlog < MOST_BACKLOG) return { ok: true };
  return { ok: false, status: 'outOfResources', reason: `${backlog} objects wait for the index` };
}
