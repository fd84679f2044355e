import { asCalcidiscError } from '../agent/domain/errors.js';
import type { Logger } from '../config/log.js';
import type { Config } from '../config/schema.js';
import type { Database } from '../db/server/database.js';
import { together } from '../db/work/caseSteps.js';
import type { Queues } from '../db/work/queue.js';
import { runStep } from '../db/work/runStep.js';
import { startSweep } from '../db/work/sweep.js';
import { type ModelFolders, modelFoldersOf } from '../models/catalogue/modelFiles.js';
import { classifiersAtWork, registerHostModels } from '../models/catalogue/registry.js';
import { classifyCase, type WorkerTools } from './classifyCase.js';
import { openEngine } from './engine.js';
import { readMaterial } from './material.js';

export interface WorkerParts {
  readonly config: Pick<Config, 'dataDir' | 'queue' | 'worker' | 'retry'>;
  readonly database: Database;
  readonly queues: Queues;
  readonly log: Logger;
  /** Where models lie, other than in the usual places. */
  readonly folders?: ModelFolders;
}

export interface RunningWorker {
  /** Why no case can be classified now, and what mends it; null when one can: the deciding network is loaded. */
  trouble(): Promise<string | null>;
  /** Takes no new case, ends those under way, and closes the networks; database and queues stay the caller's. */
  close(): Promise<void>;
}

/** Registers this host's models, warms up the deciding one, and classifies located cases until it is closed. */
export async function startWorker(parts: WorkerParts): Promise<RunningWorker> {
  const { config, database, queues, log } = parts;
  const folders = parts.folders ?? modelFoldersOf(config);
  const engine = openEngine(config.worker, log);
  const cases = casesAtOnce(config.worker.batchSize, engine.lanes);
  const tools = { engine, folders, log, material: readMaterial(database.knex, folders, cases) };
  await registerHostModels(database.knex, folders, log);
  const trouble = troubleOf(database, tools);
  const problem = await trouble();
  if (problem) log.error(`no classifier to work with: ${problem}`);
  const { maxAttempts } = config.retry;
  const steps = together(database.knex, { maxAttempts, limit: cases, waitMs: TOGETHER_MS });
  const step = { database, queues, log, retry: config.retry, steps };
  const running = queues.runWorker(
    (job) => runStep(step, job, (located) => classifyCase(tools, located)),
    cases,
  );
  const sweep = startSweep(queues, database, config.queue.sweepMs, log);
  return {
    trouble,
    async close() {
      await sweep.stop();
      await running.close();
      await engine.close();
    },
  };
}

/** A batch's cases end together; so long do they wait for each other before the database is asked. */
const TOGETHER_MS = 10;

/** In every lane a batch is computed; another one waits, one is gathered, one written. A case has five regions. */
function casesAtOnce(batchSize: number, lanes: number): number {
  return Math.ceil(((lanes + 3) * batchSize) / 5);
}

/**
 * Not fatal: a model can be put right while the worker waits, and cases wait with it. A network that was loaded once
 * is not tried again: that would wait in line with the cases.
 */
function troubleOf({ knex }: Database, { engine, folders }: WorkerTools): () => Promise<string | null> {
  let loaded: string | null = null;
  return async () => {
    try {
      const atWork = await classifiersAtWork(knex, folders);
      if ('missing' in atWork) return atWork.missing;
      const { sha256 } = atWork.active;
      if (sha256 !== loaded) await engine.warmUp(atWork.active);
      loaded = sha256;
      return null;
    } catch (thrown) {
      return asCalcidiscError(thrown).message;
    }
  };
}
