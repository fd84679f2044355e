import { workerData } from 'node:worker_threads';
import { storeFiles } from '../../agent/deliver/scu.js';
import { forRun, type Sending } from '../field/siteStudies.js';

/** What the senders of a burst are told; they run in a thread of their own, as a hospital's senders are no part of the agent. */
export interface BurstTask {
  readonly sendings: readonly (Pick<Sending, 'callingAe'> & { readonly files: readonly Uint8Array[] })[];
  /** A study each, taken by whichever sender is free. */
  readonly runs: readonly number[];
  readonly senders: number;
  /** One study in so many has a CT, which comes before its MR. */
  readonly withCt: number;
  readonly port: number;
}

const { sendings, runs, senders, withCt, port } = workerData as BurstTask;
const waiting = [...runs];

async function send(): Promise<void> {
  for (let run = waiting.shift(); run !== undefined; run = waiting.shift())
    for (const { files, callingAe } of sendings) {
      if (callingAe === 'CT1' && run % withCt !== 0) continue;
      const own = files.map((file) => forRun(Buffer.from(file), run!));
      const results = await storeFiles({
        ...{ host: '127.0.0.1', port, calledAe: 'CALCIDISC', callingAe },
        files: own,
      });
      const refused = results.find(({ isStored }) => !isStored);
      if (refused) throw refused.error ?? new Error(`refused with ${refused.status}`);
    }
}

await Promise.all(Array.from({ length: senders }, send));
