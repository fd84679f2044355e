import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Config } from '../../config/schema.js';
import type { Receiver, ReceiverOptions } from './receiver.js';
import type { Acceptance } from './storeSession.js';
import type { FromThread, News, ThreadData, ToThread } from './threadMessages.js';
import type { ReceiveEvents } from './types.js';

/** How often the thread is told whether the rest of the process can take more. */
const ACCEPTANCE_MS = 200;

/**
 * The receiver on a thread of its own: indexing, matching and serving pages never make a sender wait. The thread
 * writes to the same spool; what it tells comes as messages, after the sender has its answer.
 * @throws the server's error when the address cannot be listened on
 */
export async function startReceiverThread(options: ReceiverOptions): Promise<Receiver> {
  const { dicom, spool, events, log } = options;
  const isAccepting = options.isAccepting ?? (() => ACCEPTING);
  const workerData: ThreadData = {
    dicom,
    uses: options.uses ?? null,
    spoolDir: spool.dir,
    logLevel: log.level as Config['log']['level'],
    logFormat: options.logFormat ?? 'json',
    acceptance: isAccepting(),
  };
  const worker = new Worker(new URL('./receiverThread.js', import.meta.url), { workerData });
  const started = await listening(worker);
  const tell = (message: ToThread) => worker.postMessage(message);
  const questions = new Map<number, (isTaken: boolean) => void>();
  // Full from the first moment on: no answer may say that all is well before the first look has come across.
  let { acceptance } = started;
  let hasEnded = false;
  worker.once('exit', () => {
    hasEnded = true;
    for (const answer of questions.values()) answer(false);
  });
  worker.on('message', (message: FromThread) => {
    if (message.kind === 'answer') questions.get(message.question)?.(message.isTaken);
    else if (message.kind === 'acceptance') acceptance = message.acceptance;
    else if (message.kind === 'news') for (const item of message.news) pass(item, events);
  });
  const ask = (message: (question: number) => ToThread): Promise<boolean> => {
    if (hasEnded) return Promise.resolve(false);
    const question = nextQuestion++;
    const answered = new Promise<boolean>((resolve) => questions.set(question, resolve));
    tell(message(question));
    return answered.finally(() => questions.delete(question));
  };
  // Nothing in it may throw; should it, a process without ears must not look alive.
  worker.on('error', (error) => {
    log.fatal({ err: error }, 'the receiver has failed');
    throw error;
  });
  const timer = setInterval(() => tell({ kind: 'acceptance', acceptance: isAccepting() }), ACCEPTANCE_MS);
  timer.unref();

  return {
    port: started.port,
    acceptance: () => acceptance,
    flush: async () => {
      await ask((question) => ({ kind: 'flush', question }));
    },
    reportCommitment: (associationId, result) =>
      ask((question) => ({ kind: 'reportCommitment', question, associationId, result })),
    close: async () => {
      clearInterval(timer);
      const ended = once(worker, 'exit');
      tell({ kind: 'close' });
      await ended;
    },
  };
}

let nextQuestion = 1;

const ACCEPTING: Acceptance = { ok: true };

function listening(worker: Worker): Promise<Extract<FromThread, { kind: 'listening' }>> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (message: FromThread) => {
      worker.off('error', reject);
      if (message.kind === 'listening') resolve(message);
      else if (message.kind === 'failed') {
        reject(Object.assign(new Error(message.message), { code: message.code }));
      } else reject(new Error(`the receiver's thread says ${message.kind} before it listens`));
    });
  });
}

function pass(message: News, events: ReceiveEvents): void {
  if (message.kind === 'stored') events.stored(message.file);
  else if (message.kind === 'opened') events.associationOpened(message.association);
  else if (message.kind === 'ended') events.associationEnded(message.ended);
  else if (message.kind === 'refused') events.refused(message.refusal);
  else if (message.kind === 'commitmentRequested') events.commitmentRequested?.(message.owed);
  else if (message.kind === 'commitmentReported') {
    events.commitmentReported?.(message.result, message.reportingAe);
  }
}
