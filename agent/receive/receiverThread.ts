/** Entry of the receiver's thread; see thread.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { createLogger } from '../../config/log.js';
import { startReceiver } from './receiver.js';
import { joinSpool } from './spool.js';
import type { FromThread, ThreadData, ToThread } from './threadMessages.js';

const data = workerData as ThreadData;
const log = createLogger({ log: { level: data.logLevel } });
const tell = (message: FromThread) => parentPort!.postMessage(message);

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
      associationOpened: (association) => tell({ kind: 'opened', association }),
      associationEnded: (id, how) => tell({ kind: 'ended', id, how }),
      stored: (file) => tell({ kind: 'stored', file }),
      refused: (refusal) => tell({ kind: 'refused', refusal }),
      commitmentRequested: (owed) => tell({ kind: 'commitmentRequested', owed }),
      commitmentReported: (result) => tell({ kind: 'commitmentReported', result }),
    },
  });
  parentPort!.on('message', async (message: ToThread) => {
    if (message.kind === 'acceptance') {
      acceptance = message.acceptance;
      return;
    }
    if (message.kind === 'reportCommitment') {
      const isTaken = await receiver.reportCommitment(message.associationId, message.result);
      tell({ kind: 'answer', question: message.question, isTaken });
      return;
    }
    await receiver.close();
    await spool.close();
    tell({ kind: 'closed' });
    parentPort!.close();
  });
  tell({ kind: 'listening', port: receiver.port });
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  tell({ kind: 'failed', message, code });
  parentPort!.close();
}
