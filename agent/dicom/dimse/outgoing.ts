import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CalcidiscError } from '../../domain/errors.js';
import { ABORTS, rejectionText, STATUSES, type StatusName } from '../statuses.js';
import { COMMAND_FIELDS, encodeStoreRequest, parseCommandSet, type StoreRequest } from './commandSet.js';
import {
  Association,
  AssociationPeer,
  type CommandRequest,
  type CommandResponse,
  type NEventReportRequest,
  NEventReportResponse,
  PresentationContextResult,
} from './library.js';
import { PDU_TYPES, PduFramer } from './pduFramer.js';
import { abortPdu, dataPdu, dataPduHeader } from './pdus.js';
import { callerTls, type TlsIdentity } from './tls.js';

export interface Peer {
  readonly host: string;
  readonly port: number;
  readonly calledAe: string;
  readonly callingAe: string;
  /** Absent: plain TCP. */
  readonly tls?: TlsIdentity | undefined;
}

export interface OfferedContext {
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUids: readonly string[];
  /** What we are on it, where that is not the requestor's usual SCU (PS3.7 D.3.3.4). */
  readonly role?: 'scp';
}

export interface OutgoingOptions extends Peer {
  /** At most 128 (PS3.8 9.3.2.2: odd ids from 1 to 255). */
  readonly contexts: readonly OfferedContext[];
  readonly connectTimeoutMs?: number;
  /** For the association's answer and for each response of an operation. */
  readonly answerTimeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** The peer reports an event on our association (PS3.7 10.1.1). @returns what to answer */
  readonly onEventReport?: (request: NEventReportRequest) => StatusName;
}

export interface AcceptedContext {
  readonly id: number;
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUid: string;
}

/** A data set as it lies in a file, read piece by piece. */
export interface DatasetBytes {
  readonly length: number;
  /** @returns the next bytes, at most `most`, from `offset` on */
  read(offset: number, most: number): Promise<Buffer>;
}

export interface OperationAnswer {
  readonly status: number;
  readonly comment: string;
}

export const MOST_CONTEXTS = 128;
const CONNECT_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 60_000;
const OUR_MAX_PDU_BYTES = 262_144;
/** What is read from the file and given to the socket at a time. */
const BLOCK_BYTES = 262_144;
const PDV_OVERHEAD_BYTES = 6;

/**
 * Opens an association as requestor.
 * @throws CalcidiscError DESTINATION_UNREACHABLE, DESTINATION_REFUSED or DESTINATION_BUSY
 */
export async function openAssociation(options: OutgoingOptions): Promise<OutgoingAssociation> {
  const socket = await connectTo(options);
  const association = new OutgoingAssociation(socket, options);
  await association.negotiate();
  return association;
}

type Waiting = {
  readonly resolve: (value: never) => void;
  readonly reject: (error: CalcidiscError) => void;
};

export class OutgoingAssociation extends AssociationPeer {
  /** Resolves when the connection has ended, however that was. */
  readonly closed: Promise<void>;
  readonly #framer: PduFramer;
  #accepted: readonly AcceptedContext[] = [];
  #waiting: Waiting | null = null;
  #timer: NodeJS.Timeout | null = null;
  #fragments: Buffer[] = [];
  #isStoring = false;
  /** A peer may refuse before it has the whole data set. */
  #storeAnswer: OperationAnswer | null = null;
  #isAwaitingAnswer = false;
  #peerMaxPdu = 0;
  #messageId = 0;
  #ended: CalcidiscError | null = null;

  constructor(
    private readonly peer: Socket,
    private readonly options: OutgoingOptions,
  ) {
    super(peer);
    this.#framer = new PduFramer(OUR_MAX_PDU_BYTES, {
      pdu: (type, bytes) => this.#pdu(type, bytes),
      fragment: (...fragment) => this.#fragment(...fragment),
    });
    this.on('networkError', (error: Error) => this.#fail(error.message));
    this.on('associationAccepted', (association: Association) => this.#wasAccepted(association));
    this.on('associationRejected', (why: Rejection) => this.#wasRejected(why));
    peer.on('data', (chunk: Buffer) => this.#data(chunk));
    peer.on('error', (error) => this.#fail(error.message));
    const cancel = () => this.abortAssociation();
    options.signal?.addEventListener('abort', cancel, { once: true });
    this.closed = new Promise((resolve) => peer.once('close', () => resolve()));
    peer.on('close', () => {
      options.signal?.removeEventListener('abort', cancel);
      this.#fail('the connection was closed');
    });
  }

  get isOpen(): boolean {
    return this.#ended === null && !this.peer.destroyed;
  }

  get contexts(): readonly AcceptedContext[] {
    return this.#accepted;
  }

  /** The context that was accepted for a SOP class, in one transfer syntax where that matters. */
  contextFor(abstractSyntaxUid: string, transferSyntaxUid?: string): AcceptedContext | null {
    const fits = (each: AcceptedContext) =>
      each.abstractSyntaxUid === abstractSyntaxUid &&
      (transferSyntaxUid === undefined || each.transferSyntaxUid === transferSyntaxUid);
    return this.#accepted.find(fits) ?? null;
  }

  negotiate(): Promise<void> {
    const { callingAe, calledAe, contexts } = this.options;
    const association = new Association(callingAe, calledAe);
    association.setMaxPduLength(OUR_MAX_PDU_BYTES);
    for (const [index, offered] of contexts.entries()) {
      const id = association.addPresentationContext(offered.abstractSyntaxUid, 2 * index + 1);
      for (const uid of offered.transferSyntaxUids)
        association.addTransferSyntaxToPresentationContext(id, uid);
      if (offered.role === 'scp') {
        const context = association.getPresentationContext(id);
        context.setUserRole(false);
        context.setProviderRole(true);
      }
    }
    return this.#await('the association', () => this.sendAssociationRequest(association));
  }

  /** C-STORE of a data set exactly as it lies there; resolves with the peer's status, whatever that is. */
  async store(
    context: AcceptedContext,
    object: Omit<StoreRequest, 'messageId'>,
    dataset: DatasetBytes,
  ): Promise<OperationAnswer> {
    this.#isStoring = true;
    this.#storeAnswer = null;
    try {
      const command = encodeStoreRequest({ ...object, messageId: this.#nextMessageId() });
      await this.#write([dataPdu(context.id, true, true, command)]);
      await this.#writeDataset(context.id, dataset);
      if (this.#storeAnswer) return this.#storeAnswer;
      this.#isAwaitingAnswer = true;
      return await this.#await<OperationAnswer>('the C-STORE response', () => undefined);
    } finally {
      this.#isStoring = false;
      this.#isAwaitingAnswer = false;
    }
  }

  /** Any other operation, by the library: C-ECHO, C-FIND, C-MOVE, N-ACTION. `onPending` sees all but the last. */
  perform(
    request: CommandRequest,
    onPending?: (response: CommandResponse) => void,
  ): Promise<CommandResponse> {
    return this.#await('the operation', (resolve) => {
      request.on('response', (response: CommandResponse) => {
        if (isPending(response)) {
          this.#restartTimer('the operation');
          onPending?.(response);
        } else resolve(response);
      });
      this.sendRequests(request as never);
    });
  }

  async release(): Promise<void> {
    if (this.#ended) return;
    await this.#await('the release', () => this.sendAssociationReleaseRequest()).catch(() => undefined);
    this.#ended = unreachable(this.options, 'the association was released');
    this.peer.end();
  }

  abortAssociation(): void {
    if (!this.peer.destroyed) this.peer.end(abortPdu(ABORTS.notSpecified));
    this.#finish(unreachable(this.options, 'we aborted the association'));
  }

  override nEventReportRequest(
    request: NEventReportRequest,
    callback: (response: NEventReportResponse) => void,
  ): void {
    const response = NEventReportResponse.fromRequest(request);
    const status = this.options.onEventReport?.(request) ?? 'unrecognisedOperation';
    response.setStatus(STATUSES[status].code);
    callback(response);
  }

  #wasAccepted(association: Association): void {
    this.#peerMaxPdu = association.getMaxPduLength();
    this.#accepted = association
      .getPresentationContexts()
      .filter(({ context }) => context.getResult() === PresentationContextResult.Accept)
      .map(({ id, context }) => ({
        id,
        abstractSyntaxUid: context.getAbstractSyntaxUid(),
        transferSyntaxUid: context.getAcceptedTransferSyntaxUid() ?? '',
      }));
    this.#resolve(undefined);
  }

  #wasRejected({ result, source, reason }: Rejection): void {
    const code = result === 1 ? 'DESTINATION_REFUSED' : 'DESTINATION_BUSY';
    this.#finish(
      new CalcidiscError(code, `${nameOf(this.options)}: ${rejectionText(result, source, reason)}`),
    );
    this.peer.end();
  }

  async #writeDataset(contextId: number, dataset: DatasetBytes): Promise<void> {
    const pieceBytes = this.#pieceBytes();
    const blockBytes = Math.max(pieceBytes, BLOCK_BYTES - (BLOCK_BYTES % pieceBytes));
    for (let offset = 0; offset < dataset.length; ) {
      const block = await dataset.read(offset, blockBytes);
      if (block.length === 0) throw new RangeError('the file has become shorter');
      const parts: Buffer[] = [];
      for (let at = 0; at < block.length; at += pieceBytes) {
        const piece = block.subarray(at, at + pieceBytes);
        const isLast = offset + at + piece.length === dataset.length;
        parts.push(dataPduHeader(contextId, false, isLast, piece.length), piece);
      }
      await this.#write(parts);
      offset += block.length;
    }
  }

  /** A maximum of 0 is none (PS3.8 D.1.1). */
  #pieceBytes(): number {
    const most = this.#peerMaxPdu === 0 ? BLOCK_BYTES : Math.min(this.#peerMaxPdu, BLOCK_BYTES);
    return Math.max(most - PDV_OVERHEAD_BYTES, 2) & ~1;
  }

  /** Waits until the socket has room again: a file of gigabytes is never in memory. */
  async #write(parts: readonly Buffer[]): Promise<void> {
    if (this.#ended) throw this.#ended;
    this.peer.cork();
    let hasRoom = true;
    for (const part of parts) hasRoom = this.peer.write(part);
    this.peer.uncork();
    if (!hasRoom)
      await this.#await('the peer to read', (resolve) => this.peer.once('drain', () => resolve(undefined)));
  }

  #data(chunk: Buffer): void {
    try {
      this.#framer.push(chunk);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  #pdu(type: number, bytes: Buffer): void {
    if (type === PDU_TYPES.abort) this.#fail('the peer aborted the association');
    else if (type === PDU_TYPES.releaseResponse) this.#resolve(undefined);
    else this.understand(bytes);
  }

  #fragment(contextId: number, isCommand: boolean, isLast: boolean, piece: Buffer, isEnd: boolean): void {
    this.#fragments.push(piece);
    if (!isEnd) return;
    if (!isLast && this.#isStoring) return;
    const bytes = Buffer.concat(this.#fragments);
    this.#fragments = [];
    if (!this.#isStoring) {
      this.understand(dataPdu(contextId, isCommand, isLast, bytes));
      return;
    }
    const { commandField, status, errorComment } = parseCommandSet(bytes);
    if (commandField !== COMMAND_FIELDS.storeResponse) return;
    this.#storeAnswer = { status, comment: errorComment };
    if (this.#isAwaitingAnswer) this.#resolve(this.#storeAnswer);
  }

  #nextMessageId(): number {
    this.#messageId = (this.#messageId % 0xffff) + 1;
    return this.#messageId;
  }

  #await<T>(what: string, start: (resolve: (value: T) => void) => void): Promise<T> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise<T>((resolve, reject) => {
      this.#waiting = { resolve: resolve as (value: never) => void, reject };
      this.#restartTimer(what);
      start((value) => this.#resolve(value));
    });
  }

  #restartTimer(what: string): void {
    const timeoutMs = this.options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#fail(`no answer for ${timeoutMs} ms while waiting for ${what}`);
    }, timeoutMs);
  }

  #resolve(value: unknown): void {
    const waiting = this.#take();
    waiting?.resolve(value as never);
  }

  #fail(message: string): void {
    this.#finish(unreachable(this.options, message));
    this.peer.destroy();
  }

  #finish(error: CalcidiscError): void {
    this.#ended ??= error;
    this.#take()?.reject(this.#ended);
  }

  #take(): Waiting | null {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    return waiting;
  }
}

interface Rejection {
  readonly result: number;
  readonly source: number;
  readonly reason: number;
}

/** PS3.7 9.1.2.1.6: FF00 and FF01 announce more. */
function isPending(response: CommandResponse): boolean {
  return response.getStatus() >> 8 === 0xff;
}

function connectTo(options: OutgoingOptions): Promise<Socket> {
  const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) {
      reject(unreachable(options, 'cancelled'));
      return;
    }
    const { host, port, tls } = options;
    const socket = tls ? connectTls({ ...callerTls(tls), host, port }) : connect({ host, port });
    socket.setNoDelay(true);
    const timer = setTimeout(() => fail(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
    const fail = (cause: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(unreachable(options, cause.message, cause));
    };
    socket.once('error', fail);
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

function nameOf({ calledAe, host, port }: Peer): string {
  return `${calledAe} at ${host}:${port}`;
}

function unreachable(peer: Peer, message: string, cause?: unknown): CalcidiscError {
  return new CalcidiscError('DESTINATION_UNREACHABLE', `${nameOf(peer)}: ${message}`, {}, { cause });
}
