import { asCalcidiscError, CalcidiscError } from '../agent/domain/errors.js';
import { Opened } from '../agent/domain/opened.js';
import { alarmDestinations, alarmLooks } from '../agent/expose/alarmsNow.js';
import { startHttp } from '../agent/expose/server.js';
import type { HttpParts } from '../agent/expose/types.js';
import { type RunningAgent, startAgent } from '../agent/main.js';
import { startAlarms } from '../agent/tell/alarms.js';
import { ConfigError } from '../config/load.js';
import type { Logger } from '../config/log.js';
import type { Config } from '../config/schema.js';
import { type Database, openDatabase } from '../db/server/database.js';
import { openQueues, type Queues } from '../db/work/queue.js';
import { serveFigures } from '../worker/figures.js';
import { type RunningWorker, startWorker } from '../worker/main.js';
import { certificateProblem } from './doctor/certificates.js';
import { sentenceOf } from './doctor/finding.js';
import { LISTEN_CODES, listenFinding } from './doctor/ports.js';
import { refuseToStart } from './doctor/start.js';
import { EXIT } from './exitCodes.js';
import { leaveSignalsAlone, onInterrupt } from './interrupt.js';

export interface ServiceParts {
  readonly agent: boolean;
  readonly worker: boolean;
}

export interface RunningService {
  readonly database: Database;
  readonly queues: Queues;
  readonly dicomPort: number | null;
  readonly httpPort: number | null;
  close(): Promise<void>;
}

/** Starts what the command asked for, in the order of the path; whatever fails, what had started is closed again. */
export async function startService(
  config: Config,
  log: Logger,
  parts: ServiceParts,
): Promise<RunningService> {
  await refuseToStart(config, parts);
  const opened = new Opened();
  const opening = openDatabase(config, log);
  // Also while the database opens: an embedded server on its way up would go on alone.
  const taken = onInterrupt(async () => {
    await opened.close();
    await (await opening).close();
  });
  try {
    const database = opened.keep(await opening);
    const queues = opened.keep(await openQueues(config, database, log));
    const workerParts = { config, database, queues, log: log.child({ part: 'worker' }) };
    const worker = parts.worker ? opened.keep(await startWorker(workerParts)) : null;
    if (worker && !parts.agent) await openFigures(config, worker, log, opened);
    const agentParts = { config, database, queues, log: log.child({ part: 'agent' }) };
    const agent = parts.agent ? opened.keep(await listening('dicom', config, startAgent(agentParts))) : null;
    const page = agent && pageParts({ config, database, queues, log }, agent, worker);
    const http = page ? opened.keep(await listening('http', config, startHttp(page))) : null;
    const destinations = alarmDestinations(config);
    if (page && destinations.length > 0)
      opened.keep(startAlarms({ database, log, destinations, looks: alarmLooks({ ...page, config }) }));
    return {
      database,
      queues,
      dicomPort: agent?.dicomPort ?? null,
      httpPort: http?.port ?? null,
      close: () => opened.close(),
    };
  } catch (error) {
    await opened.close().catch(() => undefined);
    throw isOurs(error) ? error : inWords('the start has failed', error);
  } finally {
    taken();
  }
}

/** An agent shows a worker's figures with its own. */
async function openFigures(
  config: Config,
  worker: RunningWorker,
  log: Logger,
  opened: Opened,
): Promise<void> {
  const figures = await serveFigures(config.worker, worker);
  if (!figures) return;
  opened.keep(figures);
  log.info({ port: figures.port }, "the worker's figures are at /metrics");
}

function pageParts(
  shared: Pick<HttpParts, 'database' | 'queues' | 'log'> & { readonly config: Config },
  agent: RunningAgent,
  worker: RunningWorker | null,
): HttpParts {
  const { tls } = shared.config.dicom;
  return {
    ...shared,
    dicomPort: agent.dicomPort,
    files: agent.files,
    refusal: agent.refusal,
    door: agent.door,
    ...(tls && { certificate: () => certificateProblem(tls) }),
    ...(worker && { worker: () => worker.trouble() }),
  };
}

/** The ports were free a moment ago; should one be taken meanwhile, the sentence is the same. */
function listening<T>(listener: 'dicom' | 'http', config: Config, starting: Promise<T>): Promise<T> {
  return starting.catch((error: NodeJS.ErrnoException) => {
    if (!error.code || !LISTEN_CODES.has(error.code)) throw error;
    throw new ConfigError(sentenceOf(listenFinding(listener, config[listener], error.code)), {
      cause: error,
    });
  });
}

/** `--pretty` is the environment variable of the same meaning, said on the command line. */
export function serviceEnvironment(isPretty = false): NodeJS.ProcessEnv {
  return isPretty ? { ...process.env, CALCIDISC_LOG_FORMAT: 'pretty' } : process.env;
}

const CLOSING_LIMIT_MS = 15_000;

/**
 * Closes a service that was asked to end. What hangs (a PACS that keeps its association open) must not keep the
 * process: nothing needs it to end well, so it ends with 1 all the same.
 * @throws CalcidiscError in one sentence, when closing has failed
 */
export async function endService(
  service: Pick<RunningService, 'close'>,
  limitMs = CLOSING_LIMIT_MS,
): Promise<void> {
  setTimeout(() => {
    console.error(`calcidisc: not closed within ${limitMs / 1000} s: ended all the same, nothing is lost`);
    process.exit(EXIT.failed);
  }, limitMs).unref();
  await service.close().catch((error: unknown) => {
    throw inWords('closing has failed, and nothing is lost', error);
  });
}

function isOurs(error: unknown): boolean {
  return error instanceof ConfigError || error instanceof CalcidiscError;
}

function inWords(what: string, cause: unknown): CalcidiscError {
  const { code, message } = asCalcidiscError(cause);
  return new CalcidiscError(code, `${what}: ${message}`, {}, { cause });
}

/** Resolves at the first Ctrl-C or SIGTERM; a second one ends the process at once. */
export function untilStopped(): Promise<NodeJS.Signals> {
  leaveSignalsAlone();
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        process.once(signal, () => process.exit(EXIT.interrupted));
        resolve(signal);
      });
  });
}
