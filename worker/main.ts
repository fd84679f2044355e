import { asCalcidiscError } from '../agent/dicom/errors.js';
import type { Logger } from '../config/log.js';
import type { Config } from '../config/schema.js';
import type { Database } from '../db/database.js';
import type { Queues } from '../db/queue.js';
import { runStep } from '../db/runStep.js';
import { startSweep } from '../db/sweep.js';
import { classifyCase, type WorkerTools } from './classifyCase.js';
import { openEngine } from './engine.js';
import { type ModelFolders, modelFoldersOf } from './modelFiles.js';
import { classifiersAtWork, registerHostModels } from './registry.js';

export interface WorkerParts {
  readonly config: Pick<Config, 'dataDir' | 'queue' | 'worker' | 'retry'>;
  readonly database: Database;
  readonly queues: Queues;
  readonly log: Logger;
  /** Where models lie, other than in the usual places. */
  readonly folders?: ModelFolders;
}

export interface RunningWorker {
  /** Takes no new case, ends those under way, and closes the networks; database and queues stay the caller's. */
  close(): Promise<void>;
}

/** Registers this host's models, warms up the deciding one, and classifies located cases until it is closed. */
export async function startWorker(parts: WorkerParts): Promise<RunningWorker> {
  const { config, database, queues, log } = parts;
  const folders = parts.folders ?? modelFoldersOf(config);
  const engine = openEngine(config.worker, log);
  const tools: WorkerTools = { database, engine, folders, log };
  await registerHostModels(database.knex, folders, log);
  await warmUp(tools);
  const step = { database, queues, log, retry: config.retry };
  const running = queues.runWorker(
    (job) => runStep(step, job, (located) => classifyCase(tools, located)),
    casesAtOnce(config.worker.batchSize),
  );
  const sweep = startSweep(queues, database, config.queue.sweepMs, log);
  return {
    async close() {
      await sweep.stop();
      await running.close();
      await engine.close();
    },
  };
}

/** Three batches' worth: one is computed, one gathered, one written. A case has five regions. */
function casesAtOnce(batchSize: number): number {
  return Math.ceil((3 * batchSize) / 5);
}

/** Not fatal: a model can be put right while the worker waits, and cases wait with it. */
async function warmUp({ database, engine, folders, log }: WorkerTools): Promise<void> {
  try {
    const atWork = await classifiersAtWork(database.knex, folders);
    if ('missing' in atWork) log.warn(`no classifier to work with: ${atWork.missing}`);
    else await engine.warmUp(atWork.active);
  } catch (thrown) {
    const { code, message } = asCalcidiscError(thrown);
    log.error({ code }, `the active classifier cannot be used: ${message}`);
  }
}
