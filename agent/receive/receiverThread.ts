/** Entry of the receiver's thread; see thread.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { createLogger } from '../../config/log.js';
import { HeldNews } from './heldNews.js';
import { startReceiver } from './receiver.js';
import { joinSpool } from './spool.js';
import type { FromThread, News, ThreadData, ToThread } from './threadMessages.js';

const data = workerData as ThreadData;
const log = createLogger({ log: { level: data.logLevel, format: data.logFormat } });
const tell = (message: FromThread) => parentPort!.postMessage(message);

/**
 * The index takes notice of a series when the last association ends, in a pause, or after so long; while others send,
 * of one that has ended after a second, or the first of many studies would wait for the last.
 */
const HOLD = { quietMs: 100, longestMs: 3_000, longestWithEndMs: 1_000, most: 2_000 };
const held = new HeldNews<News>(HOLD, (news) => tell({ kind: 'news', news }));
let openAssociations = 0;
const tellAtOnce = (item: News) => {
  held.tell(item);
  held.flush();
};

try {
  let acceptance = data.acceptance;
  const spool = await joinSpool({ dir: data.spoolDir, log });
  const receiver = await startReceiver({
    dicom: data.dicom,
    spool,
    log,
    isAccepting: () => acceptance,
    ...(data.uses ? { uses: data.uses } : {}),
    events: {
      associationOpened: (association) => {
        openAssociations += 1;
        held.tell({ kind: 'opened', association });
      },
      associationEnded: (ended) => {
        openAssociations -= 1;
        held.tell({ kind: 'ended', ended }, true);
        if (openAssociations === 0) held.flush();
      },
      stored: (file) => held.tell({ kind: 'stored', file }),
      refused: (refusal) => held.tell({ kind: 'refused', refusal }),
      commitmentRequested: (owed) => tellAtOnce({ kind: 'commitmentRequested', owed }),
      commitmentReported: (result, reportingAe) =>
        tellAtOnce({ kind: 'commitmentReported', result, reportingAe }),
    },
  });
  let told = '';
  const tellAcceptance = () => {
    const now = receiver.acceptance();
    if (JSON.stringify(now) === told) return;
    told = JSON.stringify(now);
    tell({ kind: 'acceptance', acceptance: now });
  };
  parentPort!.on('message', async (message: ToThread) => {
    if (message.kind === 'acceptance') {
      acceptance = message.acceptance;
      tellAcceptance();
      return;
    }
    if (message.kind === 'flush') {
      held.flush();
      tell({ kind: 'answer', question: message.question, isTaken: true });
      return;
    }
    if (message.kind === 'reportCommitment') {
      const isTaken = await receiver.reportCommitment(message.associationId, message.result);
      tell({ kind: 'answer', question: message.question, isTaken });
      return;
    }
    await receiver.close();
    await spool.close();
    held.flush();
    parentPort!.close();
  });
  tell({ kind: 'listening', port: receiver.port, acceptance: receiver.acceptance() });
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  tell({ kind: 'failed', message, code });
  parentPort!.close();
}
