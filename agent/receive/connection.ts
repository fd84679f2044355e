import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { CommitmentResult } from '../dicom/commitment.js';
import { COMMAND_FIELDS, type CommandSet, encodeResponse } from '../dicom/dimse/commandSet.js';
import { COMMITMENT, commitmentReport, takeReport } from '../dicom/dimse/commitment.js';
import {
  type Association,
  AssociationPeer,
  type CEchoRequest,
  CEchoResponse,
  type CommandResponse,
  type NActionRequest,
  NActionResponse,
  type NEventReportRequest,
  NEventReportResponse,
  PresentationContextResult,
} from '../dicom/dimse/library.js';
import { PDU_TYPES, PduFramer, ProtocolError } from '../dicom/dimse/pduFramer.js';
import { abortPdu, dataPdu } from '../dicom/dimse/pdus.js';
import { ABORTS, type AbortName, REJECTIONS, STATUSES } from '../dicom/statuses.js';
import type { CommitmentFiles } from './commitmentFiles.js';
import { takeCommitmentRequest } from './commitmentService.js';
import { type AcceptedContext, MessageReader, type WholeMessage } from './messages.js';
import { decideAssociation, decideContext, type Policy, type ProposedContext } from './policy.js';
import type { PeerSocket } from './socketReads.js';
import { type StoreDeps, StoreSession } from './storeSession.js';
import type { AssociationEnd, AssociationInfo } from './types.js';

export interface ConnectionDeps extends StoreDeps {
  readonly policy: Policy;
  readonly commitments: CommitmentFiles;
  /** Associations open now: all, or those under one calling AE title. */
  readonly openAssociations: (callingAe?: string) => number;
}

/** Sta2, Sta6 and Sta13 of the state machine of PS3.8 9.2, as far as an acceptor needs them. */
type Phase = 'awaiting-association' | 'open' | 'closing';

/** More than this not yet looked at, or so many answers owed, and the sender has to wait. */
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
  readonly #messages: MessageReader;
  readonly #framer: PduFramer;
  #log: Logger;
  #phase: Phase = 'awaiting-association';
  #info: AssociationInfo | null = null;
  #end: AssociationEnd = 'lost';
  #answersOwed = 0;
  #outstanding: Promise<unknown> = Promise.resolve();
  #lastProgressAt = Date.now();
  #bytesSinceProgress = 0;

  private readonly peer: Socket;

  constructor(
    { socket, readTo }: PeerSocket,
    private readonly deps: ConnectionDeps,
    private readonly onClosed: (connection: DimseConnection) => void,
  ) {
    super(socket);
    this.peer = socket;
    this.#log = deps.log.child({ association: this.id });
    this.#messages = new MessageReader(this.#contexts, {
      progress: () => this.#progress(),
      storeBegins: (context, command) => this.#beginStore(context, command),
      storeComplete: (...store) => this.#finishStore(...store),
      other: (message) => this.#perform(message),
    });
    this.#framer = new PduFramer(deps.policy.dicom.maxPduBytes, {
      pdu: (type, bytes) => this.#pdu(type, bytes),
      fragment: (...fragment) => {
        if (this.#phase !== 'open') throw new ProtocolError('unexpectedPdu', 'data without an association');
        this.#messages.fragment(...fragment);
      },
    });
    this.on('networkError', (error: Error) => this.#abort('invalidParameter', error.message));
    socket.setNoDelay(true);
    readTo({
      take: (chunk) => {
        this.#data(chunk);
        return this.#messages.session !== null;
      },
      settle: () => this.#messages.session?.settle(),
    });
    socket.on('error', (error) => this.#log.debug({ err: error }, 'connection error'));
    socket.on('close', () => void this.#closed());
  }

  /** Null before an association is accepted. */
  get info(): AssociationInfo | null {
    return this.#info;
  }

  /** Ends a connection that has gone silent; called every now and then. */
  checkIdle(now: number): void {
    const { idleTimeoutMs } = this.deps.policy.dicom;
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
    const callingAe = association.getCallingAeTitle() ?? '';
    const calledAe = association.getCalledAeTitle() ?? '';
    const remoteAddress = this.peer.remoteAddress ?? '';
    const decision = decideAssociation(
      {
        callingAe,
        calledAe,
        remoteAddress,
        certificateSha256: certificateOf(this.peer),
        openAssociations: this.deps.openAssociations(),
        openFromAe: this.deps.openAssociations(callingAe),
      },
      this.deps.policy.dicom,
    );
    if (decision.accept) {
      const openedAt = new Date(this.#openedAt);
      this.#accept(association, { id: this.id, callingAe, calledAe, remoteAddress, openedAt });
      return;
    }
    const { result, source, reason, meaning } = REJECTIONS[decision.rejection];
    this.sendAssociationReject(result, source, reason);
    this.#close();
    const refusal = { status: meaning, reason: decision.reason, callingAe, remoteAddress };
    this.deps.events.refused({ what: 'association', ...refusal });
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

  override cEchoRequest(request: CEchoRequest, callback: (response: CEchoResponse) => void): void {
    const response = CEchoResponse.fromRequest(request);
    response.setStatus(STATUSES.success.code);
    callback(response);
  }

  override nActionRequest(request: NActionRequest, callback: (response: NActionResponse) => void): void {
    const taken = takeCommitmentRequest(request, this.#info!, this.deps.commitments, this.deps.events);
    const answered = taken.then((status) => {
      const response = NActionResponse.fromRequest(request);
      response.setStatus(STATUSES[status].code);
      if (!this.peer.destroyed) callback(response);
    });
    this.#outstanding = Promise.all([this.#outstanding, answered]);
  }

  override nEventReportRequest(
    request: NEventReportRequest,
    callback: (response: NEventReportResponse) => void,
  ): void {
    const response = NEventReportResponse.fromRequest(request);
    const { callingAe } = this.#info!;
    const status = takeReport(request, (result) => this.deps.events.commitmentReported?.(result, callingAe));
    response.setStatus(STATUSES[status].code);
    callback(response);
  }

  /** N-EVENT-REPORT on this association; false when it is not taken, or the association ends before an answer. */
  reportCommitment(result: CommitmentResult): Promise<boolean> {
    const context = [...this.#contexts.values()].find((each) => each.abstractSyntaxUid === COMMITMENT);
    if (this.#phase !== 'open' || this.#end === 'released' || !context) return Promise.resolve(false);
    const report = commitmentReport(result, context.transferSyntaxUid);
    return new Promise((resolve) => {
      const ended = () => resolve(false);
      this.peer.once('close', ended);
      report.on('response', (response: CommandResponse) => {
        this.peer.off('close', ended);
        resolve(response.getStatus() === STATUSES.success.code);
      });
      this.sendRequests(report);
    });
  }

  #accept(association: Association, info: AssociationInfo): void {
    this.#info = info;
    this.#log = this.deps.log.child({ association: info.id, callingAe: info.callingAe });
    this.#phase = 'open';
    for (const { id, context } of association.getPresentationContexts()) {
      const abstractSyntaxUid = context.getAbstractSyntaxUid();
      const transferSyntaxUids = context.getTransferSyntaxUids();
      const proposed = { abstractSyntaxUid, transferSyntaxUids };
      const decision = decideContext(proposed, info.callingAe, this.deps.policy);
      // We store and do not send on a peer's association, whatever role it offers us.
      if (context.getProviderRole() && abstractSyntaxUid !== COMMITMENT) context.setProviderRole(false);
      if (decision.accept) {
        const { transferSyntaxUid, role } = decision;
        context.setResult(PresentationContextResult.Accept, transferSyntaxUid);
        this.#contexts.set(id, { id, abstractSyntaxUid, transferSyntaxUid, role });
      } else {
        context.setResult(CONTEXT_REJECTIONS[decision.why]);
        this.#refuseContext(proposed, decision.why, info);
      }
    }
    this.#sendAccept(association);
    this.deps.events.associationOpened(info);
  }

  #refuseContext(
    { abstractSyntaxUid, transferSyntaxUids }: ProposedContext,
    why: keyof typeof CONTEXT_WORDS,
    { callingAe, remoteAddress }: AssociationInfo,
  ): void {
    const reason = why === 'transferSyntaxes' ? `offered only in ${transferSyntaxUids.join(', ')}` : '';
    const sopClassUid = abstractSyntaxUid.slice(0, LONGEST_UID);
    const refusal = { status: CONTEXT_WORDS[why], reason, callingAe, remoteAddress, sopClassUid };
    this.deps.events.refused({ what: 'context', ...refusal });
  }

  /** The library answers with the smaller of both maxima, which would make senders send in the size they receive. */
  #sendAccept(association: Association): void {
    const peersMaximum = association.getMaxPduLength();
    association.setMaxPduLength(this.deps.policy.dicom.maxPduBytes);
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

  /** Back-pressure: TCP makes the sender wait while we catch up. */
  #holdBack(): void {
    const { session } = this.#messages;
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
      (this.#phase === 'open' && type === PDU_TYPES.releaseRequest && this.#messages.isIdle);
    if (!isExpected) throw new ProtocolError('unexpectedPdu', `a PDU of type ${type} is out of place`);
    // The library reads it later; the bytes are only lent.
    this.understand(Buffer.from(bytes));
  }

  #beginStore(context: AcceptedContext, command: CommandSet): StoreSession {
    const { abstractSyntaxUid, transferSyntaxUid, role } = context;
    const isUnread = role === 'unread';
    const request = { command, abstractSyntaxUid, transferSyntaxUid, isUnread, association: this.#info! };
    return new StoreSession(request, this.deps);
  }

  #finishStore(context: AcceptedContext, command: CommandSet, session: StoreSession): void {
    this.#answersOwed += 1;
    const finished = session.finish().then((answer) => {
      this.#answersOwed -= 1;
      this.#progress();
      this.#answer(context, command, STATUSES[answer.status].code, answer.reason);
      session.announce(answer);
      this.#holdBack();
    });
    this.#outstanding = Promise.all([this.#outstanding, finished]);
  }

  /** Services other than C-STORE: the library reads and answers them, one whole message at a time. */
  #perform({ context, command, commandBytes, dataset }: WholeMessage): void {
    if (command.commandField === COMMAND_FIELDS.cancelRequest) return;
    const isCommitment = context.abstractSyntaxUid === COMMITMENT;
    const isOffered = isCommitment ? COMMITMENT_COMMANDS : OTHER_COMMANDS;
    if (!isOffered.has(command.commandField)) {
      this.#answer(context, command, STATUSES.unrecognisedOperation.code, 'not offered here');
      return;
    }
    this.understand(dataPdu(context.id, true, true, commandBytes));
    if (dataset !== null) this.understand(dataPdu(context.id, false, true, dataset));
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
    this.#messages.abandon();
    await this.#outstanding;
    const [id, how] = [this.id, this.#end];
    if (this.#info) this.deps.events.associationEnded({ id, how, endedAt: new Date() });
  }
}

const OTHER_COMMANDS: ReadonlySet<number> = new Set([COMMAND_FIELDS.echoRequest]);
const COMMITMENT_COMMANDS: ReadonlySet<number> = new Set([
  COMMAND_FIELDS.actionRequest,
  COMMAND_FIELDS.eventReportRequest,
  COMMAND_FIELDS.eventReportResponse,
]);

const CONTEXT_REJECTIONS = {
  abstractSyntax: PresentationContextResult.RejectAbstractSyntaxNotSupported,
  transferSyntaxes: PresentationContextResult.RejectTransferSyntaxesNotSupported,
} as const;

/** PS3.8 table 9-18, as it is counted and shown. */
const CONTEXT_WORDS = {
  abstractSyntax: 'abstract syntax not supported',
  transferSyntaxes: 'transfer syntaxes not supported',
} as const;
const LONGEST_UID = 64;

/** What the peer proved to own in the TLS handshake: SHA-256 of its certificate, lower-case hexadecimal. */
function certificateOf(socket: Socket): string | null {
  if (!(socket instanceof TLSSocket)) return null;
  return socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase() ?? null;
}
