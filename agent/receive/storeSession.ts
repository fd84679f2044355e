import type { Logger } from 'pino';
import type { WalkedDataset } from '../dicom/datasetWalker.js';
import type { CommandSet } from '../dicom/dimse/commandSet.js';
import { STATUSES, type StatusName, statusText } from '../dicom/statuses.js';
import { isUid } from '../dicom/uid.js';
import type { IncomingObject } from './incomingObject.js';
import type { Spool } from './spool.js';
import type { AssociationInfo, ReceiveEvents } from './types.js';

/** Whether objects may come in now: the disk, the database and the spool have their say before the first byte. */
export type Acceptance =
  | { readonly ok: true }
  | { readonly ok: false; readonly status: StatusName; readonly reason: string };

export interface StoreDeps {
  readonly spool: Spool;
  readonly events: ReceiveEvents;
  readonly log: Logger;
  readonly isAccepting: () => Acceptance;
}

export interface StoreRequestInfo {
  readonly command: Pick<CommandSet, 'affectedSopClassUid' | 'affectedSopInstanceUid'>;
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUid: string;
  /** It is put away as it comes: nothing hangs on what it says of itself. */
  readonly isUnread: boolean;
  readonly association: AssociationInfo;
  /** The only study it may be of; absent: any. */
  readonly studyInstanceUid?: string;
}

export interface StoreAnswer {
  readonly status: StatusName;
  readonly reason: string;
}

const STORED: StoreAnswer = { status: 'success', reason: '' };

/**
 * One C-STORE from its command to its answer. A refused one still takes its data set (the sender does not stop to
 * listen, PS3.7 9.1.1) and throws it away. Success is answered only for what lies synced in the spool.
 */
export class StoreSession {
  readonly #object: IncomingObject | null;
  readonly #refusal: StoreAnswer | null;

  constructor(
    private readonly request: StoreRequestInfo,
    private readonly deps: StoreDeps,
  ) {
    this.#refusal = refusalOf(request, deps.isAccepting());
    this.#object = this.#refusal === null ? this.#open() : null;
  }

  get backlogBytes(): number {
    return this.#object?.backlogBytes ?? 0;
  }

  onDrained(callback: () => void): void {
    this.#object?.onDrained(callback);
  }

  /** @param piece lent until `settle` or `finish` */
  write(piece: Buffer): void {
    this.#object?.write(piece);
  }

  /** Everything lent is dealt with. */
  settle(): void {
    this.#object?.settle();
  }

  /** The data set is complete: stored and synced, or refused. Never rejects. Answer, then `announce` it. */
  async finish(): Promise<StoreAnswer> {
    this.settle();
    return this.#refusal ?? (await this.#store(this.#object!));
  }

  /** Tells the rest of the agent what the sender was told. */
  announce(answer: StoreAnswer): void {
    if (answer.status === 'success') this.deps.events.stored(this.#object!.describe());
    else this.#announceRefusal(answer);
  }

  /** The association ended in mid data set: nothing of it stays. */
  abandon(): void {
    this.#object?.discard();
  }

  #open(): IncomingObject {
    const { command, transferSyntaxUid, association } = this.request;
    return this.deps.spool.receive({
      sopClassUid: command.affectedSopClassUid,
      sopInstanceUid: command.affectedSopInstanceUid,
      transferSyntaxUid,
      callingAe: association.callingAe,
      associationId: association.id,
    });
  }

  async #store(object: IncomingObject): Promise<StoreAnswer> {
    try {
      const problem = problemOf(await object.inspect(), this.request);
      if (problem !== null) {
        object.discard();
        return problem;
      }
      await object.commit();
      return STORED;
    } catch (failure) {
      this.deps.log.error(
        { err: failure, association: this.request.association.id },
        'the spool refused an object',
      );
      return { status: 'outOfResources', reason: 'the object cannot be written to disk' };
    }
  }

  #announceRefusal(answer: StoreAnswer): void {
    const { association, command } = this.request;
    this.deps.events.refused({
      what: 'object',
      status: statusText(STATUSES[answer.status].code),
      reason: answer.reason,
      callingAe: association.callingAe,
      remoteAddress: association.remoteAddress,
      sopInstanceUid: command.affectedSopInstanceUid.slice(0, 64),
      sopClassUid: command.affectedSopClassUid.slice(0, 64),
    });
  }
}

/** What can be refused by the command alone. */
function refusalOf(request: StoreRequestInfo, acceptance: Acceptance): StoreAnswer | null {
  const { command, abstractSyntaxUid, isUnread } = request;
  if (command.affectedSopClassUid !== abstractSyntaxUid) {
    return { status: 'sopClassNotSupported', reason: 'the SOP class is not the presentation context’s' };
  }
  const isNamed = isUnread
    ? NAME_OF_UNREAD.test(command.affectedSopInstanceUid)
    : isUid(command.affectedSopInstanceUid);
  if (!isNamed) {
    return { status: 'datasetMismatch', reason: 'the SOP Instance UID of the command is no UID' };
  }
  return acceptance.ok ? null : { status: acceptance.status, reason: acceptance.reason };
}

/** What stands for the SOP Instance UID of an object that is kept unread: anything that can be repeated. */
const NAME_OF_UNREAD = /^[\x21-\x7e]{1,64}$/;

/**
 * What the data set has to be to be filed: readable, the object the command named, and part of a series. Of what is
 * kept unread nothing is asked: it is filed under what the command says.
 */
function problemOf(walked: WalkedDataset, request: StoreRequestInfo): StoreAnswer | null {
  const { command, isUnread, studyInstanceUid } = request;
  if (studyInstanceUid !== undefined && walked.studyInstanceUid !== studyInstanceUid)
    return { status: 'datasetMismatch', reason: 'it is of another study than the address says' };
  if (isUnread) return null;
  if (walked.unreadable !== null) return { status: 'cannotUnderstand', reason: walked.unreadable };
  const differs = (['sopClassUid', 'sopInstanceUid'] as const).find(
    (name) =>
      walked[name] !==
      (name === 'sopClassUid' ? command.affectedSopClassUid : command.affectedSopInstanceUid),
  );
  if (differs) return { status: 'datasetMismatch', reason: `${differs} of data set and command differ` };
  const missing = (['studyInstanceUid', 'seriesInstanceUid'] as const).find((name) => !isUid(walked[name]));
  if (missing) return { status: 'datasetMismatch', reason: `${missing} is missing or no UID` };
  return null;
}
