import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Config } from '../../config/schema.js';
import {
  COMMAND_FIELDS,
  type CommandSet,
  encodeResponse,
  parseCommandSet,
} from '../dicom/dimse/commandSet.js';
import {
  type Association,
  AssociationPeer,
  type CEchoRequest,
  CEchoResponse,
  PresentationContextResult,
} from '../dicom/dimse/library.js';
import { PDU_TYPES, PduFramer, ProtocolError } from '../dicom/dimse/pduFramer.js';
import { abortPdu, dataPdu } from '../dicom/dimse/pdus.js';
import type { SopClassUse } from '../dicom/sopClasses.js';
import { ABORTS, type AbortName, REJECTIONS, STATUSES } from '../dicom/statuses.js';
import { decideAssociation, decideContext } from './policy.js';
import { type StoreDeps, StoreSession } from './storeSession.js';
import type { AssociationEnd, AssociationInfo } from './types.js';

export interface ConnectionDeps extends StoreDeps {
  readonly dicom: Config['dicom'];
  readonly openAssociations: () => number;
  readonly uses: readonly SopClassUse[] | undefined;
}

interface AcceptedContext {
  readonly id: number;
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUid: string;
}

/** A message whose data set is still to come. */
type Message = { readonly context: AcceptedContext; readonly command: CommandSet } & (
  | { readonly kind: 'store'; readonly session: StoreSession }
  | { readonly kind: 'other'; readonly commandBytes: Buffer; readonly pieces: Buffer[]; bytes: number }
);

/** Sta2, Sta6 and Sta13 of the state machine of PS3.8 9.2, as far as an acceptor needs them. */
type Phase = 'awaiting-association' | 'open' | 'closing';

const LONGEST_COMMAND_BYTES = 65_536;
/** Data sets of queries and notifications are read whole; those of images never are. */
const LONGEST_OTHER_DATASET_BYTES = 4 << 20;
/** More than this not yet on disk, or so many answers owed, and the sender has to wait. */
const MOST_BACKLOG_BYTES = 2 << 20;
const MOST_ANSWERS_OWED = 8;
/** A trickle below this in one idle time-out counts as silence. */
const PROGRESS_BYTES = 4096;
const CLOSING_TIMEOUT_MS = 5_000;

/**
 * One TCP connection of a peer. The library speaks the association's part of the protocol and the small services;
 * C-STORE is carried to the spool here, as it comes.
 */
export class DimseConnection extends AssociationPeer {
  readonly id = randomUUID();
  readonly #openedAt = Date.now();
  readonly #contexts = new Map<number, AcceptedContext>();
  readonly #framer: PduFramer;
  #phase: Phase = 'awaiting-association';
  #info: AssociationInfo | null = null;
  #end: AssociationEnd = 'lost';
  #message: Message | null = null;
  #command: Buffer[] = [];
  #commandBytes = 0;
  #answersOwed = 0;
  #outstanding: Promise<unknown> = Promise.resolve();
  #lastProgressAt = Date.now();
  #bytesSinceProgress = 0;

  constructor(
    private readonly peer: Socket,
    private readonly deps: ConnectionDeps,
    private readonly onClosed: (connection: DimseConnection) => void,
  ) {
    super(peer);
    this.#framer = new PduFramer(deps.dicom.maxPduBytes, {
      pdu: (type, bytes) => this.#pdu(type, bytes),
      fragment: (...args) => this.#fragment(...args),
    });
    this.on('networkError', (error: Error) => this.#abort('invalidParameter', error.message));
    peer.setNoDelay(true);
    peer.on('data', (chunk: Buffer) => this.#data(chunk));
    peer.on('error', (error) => this.#log.debug({ err: error }, 'connection error'));
    peer.on('close', () => void this.#closed());
  }

  get hasAssociation(): boolean {
    return this.#info !== null;
  }

  /** Ends a connection that has gone silent; called every now and then. */
  checkIdle(now: number): void {
    const { idleTimeoutMs } = this.deps.dicom;
    if (this.#phase === 'closing') {
      if (now - this.#lastProgressAt > CLOSING_TIMEOUT_MS) this.peer.destroy();
      return;
    }
    if (this.#answersOwed > 0) return;
    const since = this.#phase === 'open' ? this.#lastProgressAt : this.#openedAt;
    if (now - since <= idleTimeoutMs) return;
    this.#end = 'timed-out';
    this.#abort('notSpecified', `nothing useful came for ${idleTimeoutMs} ms`);
  }

  /** For a receiver that shuts down: no new messages, and what is being stored is stored first. */
  async shutDown(): Promise<void> {
    this.peer.pause();
    await this.#outstanding;
    this.#abort('notSpecified', 'the receiver is shutting down');
  }

  override associationRequested(association: Association): void {
    const ids = association.getPresentationContexts().map(({ id }) => id);
    if (new Set(ids).size < ids.length || ids.some((id) => id % 2 === 0)) {
      this.#abort('invalidParameter', 'presentation context ids have to be odd and unique');
      return;
    }
    const request = {
      callingAe: association.getCallingAeTitle() ?? '',
      calledAe: association.getCalledAeTitle() ?? '',
      remoteAddress: this.peer.remoteAddress ?? '',
      openAssociations: this.deps.openAssociations(),
    };
    const decision = decideAssociation(request, this.deps.dicom);
    if (!decision.accept) {
      const { result, source, reason, meaning } = REJECTIONS[decision.rejection];
      this.sendAssociationReject(result, source, reason);
      this.#close();
      const { callingAe, remoteAddress } = request;
      const why = decision.reason;
      this.deps.events.refused({
        what: 'association',
        status: meaning,
        reason: why,
        callingAe,
        remoteAddress,
      });
      return;
    }
    const { callingAe, calledAe, remoteAddress } = request;
    this.#info = { id: this.id, callingAe, calledAe, remoteAddress, openedAt: new Date(this.#openedAt) };
    this.#phase = 'open';
    this.#acceptContexts(association);
    this.#sendAccept(association);
    this.deps.events.associationOpened(this.#info);
  }

  override associationReleaseRequested(): void {
    this.#end = 'released';
    // Answers that are still owed go out before the release is confirmed.
    void this.#outstanding.then(() => {
      if (this.peer.destroyed) return;
      this.sendAssociationReleaseResponse();
      this.#close();
    });
  }

  override abort(): void {
    this.#end = 'aborted';
    this.#close();
  }

  override cEchoRequest(request: CEchoRequest, callback: (response: CEchoResponseType) => void): void {
    const response = CEchoResponse.fromRequest(request);
    response.setStatus(STATUSES.success.code);
    callback(response);
  }

  get #log(): Logger {
    return this.deps.log.child({ association: this.id, callingAe: this.#info?.callingAe });
  }

  #acceptContexts(association: Association): void {
    for (const { id, context } of association.getPresentationContexts()) {
      const abstractSyntaxUid = context.getAbstractSyntaxUid();
      const transferSyntaxUids = context.getTransferSyntaxUids();
      const decision = decideContext(
        { abstractSyntaxUid, transferSyntaxUids },
        this.deps.dicom,
        this.deps.uses,
      );
      if (decision.accept) {
        const { transferSyntaxUid } = decision;
        context.setResult(PresentationContextResult.Accept, transferSyntaxUid);
        this.#contexts.set(id, { id, abstractSyntaxUid, transferSyntaxUid });
      } else if (decision.why === 'abstractSyntax') {
        context.setResult(PresentationContextResult.RejectAbstractSyntaxNotSupported);
      } else {
        context.setResult(PresentationContextResult.RejectTransferSyntaxesNotSupported);
      }
    }
  }

  /** The library answers with the smaller of both maxima, which would make senders send in the size they receive. */
  #sendAccept(association: Association): void {
    const peersMaximum = association.getMaxPduLength();
    association.setMaxPduLength(this.deps.dicom.maxPduBytes);
    // One operation at a time, as PS3.7 D.3.3.3 has it for an acceptor that says nothing.
    association.setNegotiateAsyncOps(false);
    this.sendAssociationAccept();
    association.setMaxPduLength(peersMaximum);
  }

  #data(chunk: Buffer): void {
    if (this.#phase === 'closing') return;
    this.#bytesSinceProgress += chunk.length;
    if (this.#bytesSinceProgress >= PROGRESS_BYTES) this.#progress();
    try {
      this.#framer.push(chunk);
    } catch (error) {
      const abort = error instanceof ProtocolError ? error.abort : 'notSpecified';
      this.#abort(abort, error instanceof Error ? error.message : String(error));
      return;
    }
    this.#holdBack();
  }

  #progress(): void {
    this.#lastProgressAt = Date.now();
    this.#bytesSinceProgress = 0;
  }

  /** Back-pressure: TCP makes the sender wait while the disk catches up. */
  #holdBack(): void {
    const session = this.#message?.kind === 'store' ? this.#message.session : null;
    const isBehind = (session?.backlogBytes ?? 0) > MOST_BACKLOG_BYTES;
    if (!isBehind && this.#answersOwed < MOST_ANSWERS_OWED) {
      if (this.peer.isPaused()) this.peer.resume();
      return;
    }
    this.peer.pause();
    session?.onDrained(() => this.#holdBack());
  }

  #pdu(type: number, bytes: Buffer): void {
    this.#progress();
    const isExpected =
      type === PDU_TYPES.abort ||
      (this.#phase === 'awaiting-association' && type === PDU_TYPES.associateRequest) ||
      (this.#phase === 'open' && type === PDU_TYPES.releaseRequest && this.#message === null);
    if (!isExpected) throw new ProtocolError('unexpectedPdu', `a PDU of type ${type} is out of place`);
    this.understand(bytes);
  }

  #fragment(contextId: number, isCommand: boolean, isLast: boolean, piece: Buffer, isEnd: boolean): void {
    if (this.#phase !== 'open') throw new ProtocolError('unexpectedPdu', 'data without an association');
    const context = this.#contexts.get(contextId);
    if (!context) {
      throw new ProtocolError('invalidParameter', `presentation context ${contextId} was not accepted`);
    }
    if (isCommand) this.#commandPiece(context, piece, isLast && isEnd);
    else this.#datasetPiece(context, piece, isLast && isEnd);
  }

  #commandPiece(context: AcceptedContext, piece: Buffer, isComplete: boolean): void {
    if (this.#message !== null) throw new ProtocolError('unexpectedPdu', 'a command inside a data set');
    this.#command.push(piece);
    this.#commandBytes += piece.length;
    if (this.#commandBytes > LONGEST_COMMAND_BYTES) {
      throw new ProtocolError('invalidParameter', 'a command set without end');
    }
    if (!isComplete) return;
    const bytes = this.#command.length === 1 ? piece : Buffer.concat(this.#command);
    this.#command = [];
    this.#commandBytes = 0;
    this.#progress();
    this.#begin(context, parseCommandSet(bytes), bytes);
  }

  #begin(context: AcceptedContext, command: CommandSet, commandBytes: Buffer): void {
    if (command.commandField === COMMAND_FIELDS.storeRequest) {
      if (!command.hasDataset) throw new ProtocolError('invalidParameter', 'a C-STORE without data set');
      const { abstractSyntaxUid, transferSyntaxUid } = context;
      const request = { command, abstractSyntaxUid, transferSyntaxUid, association: this.#info! };
      const session = new StoreSession(request, this.deps);
      this.#message = { kind: 'store', context, command, session };
    } else if (command.hasDataset) {
      const pieces: Buffer[] = [];
      this.#message = {
        kind: 'other',
        context,
        command,
        commandBytes: Buffer.from(commandBytes),
        pieces,
        bytes: 0,
      };
    } else {
      this.#perform(context, command, commandBytes, null);
    }
  }

  #datasetPiece(context: AcceptedContext, piece: Buffer, isComplete: boolean): void {
    const message = this.#message;
    if (message === null) throw new ProtocolError('unexpectedPdu', 'a data set without a command');
    if (message.context.id !== context.id) {
      throw new ProtocolError('invalidParameter', 'a data set under another context than its command');
    }
    if (message.kind === 'store') message.session.write(piece);
    else this.#gather(message, piece);
    if (!isComplete) return;
    this.#message = null;
    this.#progress();
    if (message.kind === 'store') this.#finishStore(message);
    else this.#perform(context, message.command, message.commandBytes, Buffer.concat(message.pieces));
  }

  #gather(message: Extract<Message, { kind: 'other' }>, piece: Buffer): void {
    message.pieces.push(piece);
    message.bytes += piece.length;
    if (message.bytes > LONGEST_OTHER_DATASET_BYTES) {
      throw new ProtocolError('invalidParameter', 'a data set too long for its service');
    }
  }

  #finishStore({ context, command, session }: Extract<Message, { kind: 'store' }>): void {
    this.#answersOwed += 1;
    const finished = session.finish().then(({ status, reason }) => {
      this.#answersOwed -= 1;
      this.#progress();
      if (status !== 'success')
        this.#log.warn({ status, reason, uid: command.affectedSopInstanceUid }, 'object refused');
      this.#answer(context, command, STATUSES[status].code, reason);
      this.#holdBack();
    });
    this.#outstanding = Promise.all([this.#outstanding, finished]);
  }

  /** Services other than C-STORE: the library reads and answers them, one whole message at a time. */
  #perform(
    context: AcceptedContext,
    command: CommandSet,
    commandBytes: Buffer,
    dataset: Buffer | null,
  ): void {
    if (command.commandField === COMMAND_FIELDS.cancelRequest) return;
    if (command.commandField !== COMMAND_FIELDS.echoRequest || dataset !== null) {
      this.#answer(
        context,
        command,
        STATUSES.unrecognisedOperation.code,
        'this operation is not offered here',
      );
      return;
    }
    this.understand(dataPdu(context.id, true, true, commandBytes));
  }

  #answer(context: AcceptedContext, request: CommandSet, status: number, comment: string): void {
    if (this.peer.destroyed || !this.peer.writable) return;
    this.peer.write(dataPdu(context.id, true, true, encodeResponse({ request, status, comment })));
  }

  /** The peer broke the protocol or fell silent: say so (AA-1, AA-8 of PS3.8 9.2.3) and end it. */
  #abort(name: AbortName, reason: string): void {
    if (this.#phase === 'closing') return;
    if (this.#end === 'lost') this.#end = 'aborted';
    this.#log.warn({ reason, remoteAddress: this.peer.remoteAddress }, 'association aborted by us');
    if (!this.peer.destroyed) this.peer.write(abortPdu(ABORTS[name]));
    this.#close();
  }

  #close(): void {
    this.#phase = 'closing';
    this.#lastProgressAt = Date.now();
    this.peer.resume();
    this.peer.end();
  }

  async #closed(): Promise<void> {
    this.#phase = 'closing';
    this.onClosed(this);
    const unfinished = this.#message;
    this.#message = null;
    if (unfinished?.kind === 'store') await unfinished.session.abandon();
    await this.#outstanding;
    if (this.#info) this.deps.events.associationEnded(this.id, this.#end);
  }
}

type CEchoResponseType = ReturnType<typeof CEchoResponse.fromRequest>;
