import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../config/log.js';
import type { Config } from '../config/schema.js';
import type { Database } from '../db/server/database.js';
import { findSopClasses } from '../db/tables/instances.js';
import { findSeries } from '../db/tables/series.js';
import type { Queues } from '../db/work/queue.js';
import { startSweep } from '../db/work/sweep.js';
import type { WorkingOff } from '../db/work/workOff.js';
import { type Assembler, startAssembler } from './assemble/assembler.js';
import { auditRefusal } from './assemble/refusals.js';
import { openSafekeeping } from './deliver/safekeeping.js';
import { openLocator } from './locate/pool.js';
import { hastenCase, seriesComplete, seriesRead } from './pair/reconsider.js';
import { askForPriors } from './query/askForPriors.js';
import { startCounts } from './query/counts.js';
import { type Fetcher, startFetcher } from './query/fetcher.js';
import { readerOf } from './read/reader.js';
import { startReadings } from './read/readings.js';
import { startCommitments } from './receive/commitments.js';
import { AGENT_USES } from './receive/policy.js';
import type { Receiver } from './receive/receiver.js';
import { openSpool } from './receive/spool.js';
import type { Acceptance } from './receive/storeSession.js';
import { startReceiverThread } from './receive/thread.js';
import { compileRules } from './route/rules.js';
import { agentSteps } from './steps/index.js';

export interface AgentParts {
  readonly config: Config;
  readonly database: Database;
  readonly queues: Queues;
  readonly log: Logger;
}

export interface RunningAgent {
  readonly dicomPort: number;
  /** Resolves when every object that was acknowledged so far is in the index. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** So many cases are worked on at once; most of a step is waiting for the locate threads or the PACS. */
const CASES_AT_ONCE = 4;
/** Objects that are durable but not indexed: past this the database is taken for gone, and senders are told so. */
const MOST_BACKLOG = 20_000;

/**
 * A lumbar MR arrives by DICOM, is paired with any CT within 28 days, its mid-sagittal slice and discs are found,
 * the worker classifies each, and the answer goes back to the PACS as a Structured Report.
 */
export async function startAgent({ config, database, queues, log }: AgentParts): Promise<RunningAgent> {
  const { knex } = database;
  mkdirSync(config.dataDir, { recursive: true });
  const decideRole = compileRules(config.route);
  const spool = await openSpool({ dir: join(config.dataDir, 'spool'), log });
  const locator = await openLocator(config, log);

  const reader = readerOf(config, locator.localiser);
  const reconsidering = { reader, windowDays: config.pair.windowDays };
  let readings: WorkingOff | null = null;
  let fetcher: Fetcher | null = null;
  const counts = startCounts({ config, database, log, onCount: (series) => assembler.look(series) });
  const assembler = startAssembler({
    config,
    database,
    dataDir: config.dataDir,
    spool,
    decideRole,
    log,
    onIndexed: counts.ask,
    onSeriesComplete: async (trx, series) => {
      await askForPriors(trx, series, config);
      return seriesComplete(trx, series, reconsidering);
    },
    onComplete: () => readings?.wake(),
    wake: (row) => {
      fetcher?.wake();
      void queues.wake(row);
    },
  });
  readings = startReadings({
    config,
    database,
    locator,
    reader,
    onRead: (trx, row) => seriesRead(trx, row, reconsidering),
    wakeCase: (row) => void queues.wake(row),
    log,
  });
  for await (const file of spool.pending()) assembler.stored(file);

  const steps = queues.runAgent(
    agentSteps({
      config,
      database,
      queues,
      reader,
      wakeReadings: () => readings?.wake(),
      indexedUntilMs: assembler.indexedUntilMs,
      log,
      retry: config.retry,
    }),
    CASES_AT_ONCE,
  );
  const sweep = startSweep(queues, database, config.queue.sweepMs, log);
  let receiver: Receiver | null = null;
  const commitments = await startCommitments({
    config,
    spoolDir: spool.dir,
    settled: () => assembler.settled(),
    findSopClasses: (sopInstanceUids) => findSopClasses(knex, sopInstanceUids),
    reportOn: async (associationId, result) =>
      (await receiver?.reportCommitment(associationId, result)) ?? false,
    log,
  });
  const safekeeping = openSafekeeping({ config, database, log, wake: (row) => void queues.wake(row) });
  receiver = await startReceiverThread({
    dicom: config.dicom,
    spool,
    events: {
      associationOpened: assembler.associationOpened,
      associationEnded: assembler.associationEnded,
      stored: assembler.stored,
      refused: (refusal) => auditRefusal(knex, refusal, log),
      commitmentRequested: (owed) => commitments.requested(owed),
      commitmentReported: safekeeping.reported,
    },
    log,
    isAccepting: () => acceptance(assembler),
    uses: [...AGENT_USES, 'commitment'],
  });
  // Last: what these ask for comes to the listener.
  safekeeping.begin();
  fetcher = startFetcher({
    config,
    database,
    log,
    onAttempt: async ({ seriesInstanceUid }) => {
      const series = await findSeries(knex, seriesInstanceUid);
      const row = series && (await hastenCase(knex, series.studyInstanceUid));
      if (row) await queues.wake(row);
    },
  });

  return {
    dicomPort: receiver.port,
    settled: async () => {
      await receiver?.flush();
      await assembler.settled();
    },
    async close() {
      // Before the listener: a move that fails because we are closing is no failure of the PACS.
      await Promise.all([fetcher?.close(), counts.close()]);
      await Promise.all([receiver?.close(), commitments.close()]);
      await safekeeping.close();
      await assembler.close();
      await sweep.stop();
      await steps.close();
      await readings?.close();
      await locator.close();
      await spool.close();
    },
  };
}

/** Taken back by itself: what is stuck is tried again every second, and a backlog is worked off. */
function acceptance({ backlog, isStuck }: Assembler): Acceptance {
  if (isStuck) return { ok: false, status: 'outOfResources', reason: 'the index cannot be written' };
  if (backlog < MOST_BACKLOG) return { ok: true };
  return { ok: false, status: 'outOfResources', reason: `${backlog} objects wait for the index` };
}
