import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { type ReceiverOptions, startReceiver } from '../../agent/receive/receiver.js';
import { openSpool, type Spool } from '../../agent/receive/spool.js';
import type {
  AssociationEnd,
  AssociationInfo,
  ReceiveEvents,
  Refusal,
  SpooledFile,
} from '../../agent/receive/types.js';
import { parseConfig } from '../../config/load.js';
import type { ConfigInput } from '../../config/schema.js';
import { until } from './until.js';

export interface SeenEvents extends ReceiveEvents {
  readonly opened: AssociationInfo[];
  readonly ended: { readonly id: string; readonly how: AssociationEnd }[];
  readonly files: SpooledFile[];
  readonly refusals: Refusal[];
  /** What happened, in order, as one word each: opened, stored, refused, released, aborted … */
  readonly order: string[];
}

export function seenEvents(): SeenEvents {
  const seen = {
    opened: [] as AssociationInfo[],
    ended: [] as { id: string; how: AssociationEnd }[],
    files: [] as SpooledFile[],
    refusals: [] as Refusal[],
    order: [] as string[],
  };
  return {
    ...seen,
    associationOpened: (association) => {
      seen.opened.push(association);
      seen.order.push('opened');
    },
    associationEnded: ({ id, how }) => {
      seen.ended.push({ id, how });
      seen.order.push(how);
    },
    stored: (file) => {
      seen.files.push(file);
      seen.order.push('stored');
    },
    refused: (refusal) => {
      seen.refusals.push(refusal);
      seen.order.push('refused');
    },
  };
}

export interface TestReceiver {
  readonly port: number;
  readonly spool: Spool;
  readonly spoolDir: string;
  readonly seen: SeenEvents;
  /** Resolves when `count` associations have ended. */
  ended(count: number): Promise<void>;
  close(): Promise<void>;
}

export type TestReceiverOptions = NonNullable<ConfigInput['dicom']> & Pick<ReceiverOptions, 'isAccepting'>;

/** A real receiver on a port the system chose, with its spool in a temporary folder. */
export async function testReceiver(options: TestReceiverOptions = {}): Promise<TestReceiver> {
  const { isAccepting, ...input } = options;
  const root = await mkdtemp(join(tmpdir(), 'calcidisc-receive-'));
  const spoolDir = join(root, 'spool');
  const log = pino({ level: 'silent' });
  const spool = await openSpool({ dir: spoolDir, log });
  const { dicom } = parseConfig({ dicom: { minFreeDiskMiB: 0, ...input } });
  const seen = seenEvents();
  const receiver = await startReceiver({
    dicom: { ...dicom, port: 0 },
    spool,
    events: seen,
    log,
    ...(isAccepting ? { isAccepting } : {}),
  });
  return {
    port: receiver.port,
    spool,
    spoolDir,
    seen,
    ended: async (count) => void (await until(() => seen.ended.length >= count)),
    close: async () => {
      await receiver.close();
      await spool.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}
