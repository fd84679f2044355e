import { COMMAND_FIELDS, type CommandSet, parseCommandSet } from '../dicom/dimse/commandSet.js';
import { ProtocolError } from '../dicom/dimse/pduFramer.js';
import type { Role } from './policy.js';
import type { StoreSession } from './storeSession.js';

export interface AcceptedContext {
  readonly id: number;
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUid: string;
  readonly role: Role;
}

/** A message but for the data set of a C-STORE, which is never held. */
export interface WholeMessage {
  readonly context: AcceptedContext;
  readonly command: CommandSet;
  readonly commandBytes: Buffer;
  readonly dataset: Buffer | null;
}

export interface MessageEvents {
  /** A command has come: every command counts as a sign of life. */
  progress(): void;
  storeBegins(context: AcceptedContext, command: CommandSet): StoreSession;
  storeComplete(context: AcceptedContext, command: CommandSet, session: StoreSession): void;
  other(message: WholeMessage): void;
}

/** A command whose data set is still to come. */
type Unfinished = { readonly context: AcceptedContext; readonly command: CommandSet } & (
  | { readonly kind: 'store'; readonly session: StoreSession }
  | { readonly kind: 'other'; readonly commandBytes: Buffer; readonly pieces: Buffer[]; bytes: number }
);

const LONGEST_COMMAND_BYTES = 65_536;
/** Data sets of queries and notifications are read whole; those of images never are. */
const LONGEST_OTHER_DATASET_BYTES = 4 << 20;

/**
 * Puts presentation data values together to messages (PS3.8 annex E, PS3.7 6.3): a command set, then its data set
 * under the same context. One message at a time, as we negotiate no asynchronous operations.
 */
export class MessageReader {
  #unfinished: Unfinished | null = null;
  #command: Buffer[] = [];
  #commandBytes = 0;

  constructor(
    private readonly contexts: ReadonlyMap<number, AcceptedContext>,
    private readonly events: MessageEvents,
  ) {}

  /** Between two messages. */
  get isIdle(): boolean {
    return this.#unfinished === null && this.#commandBytes === 0;
  }

  /** The store whose data set is arriving. */
  get session(): StoreSession | null {
    return this.#unfinished?.kind === 'store' ? this.#unfinished.session : null;
  }

  /**
   * @param piece only lent: what is kept of it is copied
   * @throws ProtocolError
   */
  fragment(contextId: number, isCommand: boolean, isLast: boolean, piece: Buffer, isEnd: boolean): void {
    const context = this.contexts.get(contextId);
    if (!context) {
      throw new ProtocolError('invalidParameter', `presentation context ${contextId} was not accepted`);
    }
    if (isCommand) this.#commandPiece(context, piece, isLast && isEnd);
    else this.#datasetPiece(context, piece, isLast && isEnd);
  }

  /** The connection is gone: what was arriving is thrown away. */
  abandon(): void {
    const { session } = this;
    this.#unfinished = null;
    session?.abandon();
  }

  #commandPiece(context: AcceptedContext, piece: Buffer, isComplete: boolean): void {
    if (this.#unfinished !== null) throw new ProtocolError('unexpectedPdu', 'a command inside a data set');
    this.#command.push(Buffer.from(piece));
    this.#commandBytes += piece.length;
    if (this.#commandBytes > LONGEST_COMMAND_BYTES) {
      throw new ProtocolError('invalidParameter', 'a command set without end');
    }
    if (!isComplete) return;
    const bytes = this.#command.length === 1 ? this.#command[0]! : Buffer.concat(this.#command);
    this.#command = [];
    this.#commandBytes = 0;
    this.events.progress();
    this.#begin(context, parseCommandSet(bytes), bytes);
  }

  #begin(context: AcceptedContext, command: CommandSet, commandBytes: Buffer): void {
    if (command.commandField === COMMAND_FIELDS.storeRequest) {
      if (!command.hasDataset) throw new ProtocolError('invalidParameter', 'a C-STORE without data set');
      const session = this.events.storeBegins(context, command);
      this.#unfinished = { kind: 'store', context, command, session };
    } else if (command.hasDataset) {
      const pieces: Buffer[] = [];
      this.#unfinished = { kind: 'other', context, command, commandBytes, pieces, bytes: 0 };
    } else {
      this.events.other({ context, command, commandBytes, dataset: null });
    }
  }

  #datasetPiece(context: AcceptedContext, piece: Buffer, isComplete: boolean): void {
    const message = this.#unfinished;
    if (message === null) throw new ProtocolError('unexpectedPdu', 'a data set without a command');
    if (message.context.id !== context.id) {
      throw new ProtocolError('invalidParameter', 'a data set under another context than its command');
    }
    if (message.kind === 'store') message.session.write(piece);
    else gather(message, piece);
    if (!isComplete) return;
    this.#unfinished = null;
    this.events.progress();
    const { command } = message;
    if (message.kind === 'store') this.events.storeComplete(context, command, message.session);
    else this.events.other({ ...message, dataset: Buffer.concat(message.pieces) });
  }
}

function gather(message: Extract<Unfinished, { kind: 'other' }>, piece: Buffer): void {
  message.pieces.push(Buffer.from(piece));
  message.bytes += piece.length;
  if (message.bytes > LONGEST_OTHER_DATASET_BYTES) {
    throw new ProtocolError('invalidParameter', 'a data set too long for its service');
  }
}
