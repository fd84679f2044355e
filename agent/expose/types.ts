import type { FastifyReply } from 'fastify';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { Taken } from '../dicom/web/storeResponse.js';
import type { ConditionParts } from './conditions.js';
import type { Html } from './html.js';

export interface HttpParts extends ConditionParts {
  readonly config: Pick<Config, 'dataDir' | 'dicom' | 'http' | 'report' | 'route'>;
  readonly log: Logger;
  /** Where this process listens for DICOM. */
  readonly dicomPort?: number;
  /** Where objects come in that are sent by HTTP; absent: this process takes none. */
  readonly door?: ObjectDoor;
}

/** agent/receive/webDoor.ts, as far as it is seen from here. */
export interface ObjectDoor {
  refusal(sender: ObjectSender): { readonly isForGood: boolean; readonly reason: string } | null;
  open(sender: ObjectSender): {
    readonly id: string;
    store(body: AsyncIterable<Buffer>, studyInstanceUid?: string): Promise<Taken>;
    end(how: 'released' | 'aborted' | 'timed-out' | 'lost'): void;
  };
}

interface ObjectSender {
  readonly name: string;
  readonly remoteAddress: string;
}

/** Answers with a page of the console: head, menu and what is wrong just now are added. */
export type SendPage = (
  reply: FastifyReply,
  page: { readonly title: string; readonly main: Html; readonly refreshSeconds?: number },
) => Promise<FastifyReply>;
