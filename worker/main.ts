import { asCalcidiscError } from '../agent/dicom/errors.js';
import type { Logger } from '../config/log.js';
import type { Config } from '../config/schema.js';
import { type CaseRow, StaleCase } from '../db/cases.js';
import type { Database } from '../db/database.js';
import type { Job, Queues } from '../db/queue.js';
import { failStep, startStep } from '../db/steps.js';
import { classifyCase, type WorkerTools } from './classifyCase.js';
import { openEngine } from './engine.js';
import { type ModelFolders, modelFoldersOf } from './modelFiles.js';
import { classifiersAtWork, registerHostModels } from './registry.js';

export interface WorkerParts {
  readonly config: Pick<Config, 'dataDir' | 'worker' | 'retry'>;
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
  const running = queues.runWorker((job) => takeCase(tools, parts, job), {
    concurrency: casesAtOnce(config.worker.batchSize),
  });
  return {
    async close() {
      await running.close();
      await engine.close();
    },
  };
}

/** Two batches' worth: one is computed while the next is gathered. A case has five regions. */
function casesAtOnce(batchSize: number): number {
  return Math.ceil((2 * batchSize) / 5) + 1;
}

/** Not fatal: a model can be put right while the worker waits, and cases wait with it. */
async function warmUp({ database, engine, folders, log }: WorkerTools): Promise<void> {
  try {
    const { active } = await classifiersAtWork(database.knex, folders);
    await engine.warmUp(active);
  } catch (thrown) {
    const { code, message } = asCalcidiscError(thrown);
    log.error({ code }, `no classifier to work with: ${message}`);
  }
}

async function takeCase(tools: WorkerTools, parts: WorkerParts, job: Job): Promise<void> {
  const { knex } = tools.database;
  const { retry } = parts.config;
  const step = { id: job.caseId, revision: job.revision, state: job.state };
  const row = await startStep(knex, { ...step, maxAttempts: retry.maxAttempts });
  if (!row) return;
  try {
    const { state } = await classifyCase(tools, row);
    await parts.queues.wake({ ...step, state });
  } catch (error) {
    await giveBack(parts, row, error);
  }
}

/** The step is tried again later, or the case waits for a person: never lost, never half written. */
async function giveBack({ config, database, queues, log }: WorkerParts, row: CaseRow, error: unknown) {
  const { id, revision, state } = row;
  if (error instanceof StaleCase) {
    log.info({ caseId: id, revision }, 'the case moved on while it was classified: the answers are dropped');
    return;
  }
  const failure = await failStep(database.knex, { id, revision, state, error, retry: config.retry });
  const { code, message, subject } = asCalcidiscError(error);
  log.error({ ...subject, caseId: id, revision, code, ...failure }, `classifying failed: ${message}`);
  if (failure.outcome === 'retry')
    await queues.wake({ id, revision, state, attempts: failure.attempts, delayMs: failure.delayMs });
}
