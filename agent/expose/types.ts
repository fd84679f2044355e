import type { FastifyReply } from 'fastify';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { WebDoor } from '../dicom/web/door.js';
import type { Files } from '../holders/files.js';
import type { ConditionParts } from './conditions.js';
import type { Html } from './html.js';

export interface HttpParts extends ConditionParts {
  readonly config: Pick<Config, 'dataDir' | 'dicom' | 'http' | 'locate' | 'report' | 'route'>;
  readonly log: Logger;
  /** The images, whichever agent holds them; absent: this process shows none but the slices that were kept. */
  readonly files?: Files;
  /** Where this process listens for DICOM. */
  readonly dicomPort?: number;
  /** Where objects come in that are sent by HTTP; absent: this process takes none. */
  readonly door?: WebDoor;
}

/** Answers with a page of the console: head, menu and what is wrong just now are added. */
export type SendPage = (
  reply: FastifyReply,
  page: { readonly title: string; readonly main: Html; readonly refreshSeconds?: number },
) => Promise<FastifyReply>;
