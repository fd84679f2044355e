/** PS3.8 9.3.1: the PDU types. */
export const PDU_TYPES = {
  associateRequest: 0x01,
  associateAccept: 0x02,
  associateReject: 0x03,
  data: 0x04,
  releaseRequest: 0x05,
  releaseResponse: 0x06,
  abort: 0x07,
} as const;

const PDU_HEADER_BYTES = 6;
/** PDV length, presentation context id and message control header (PS3.8 9.3.5.1, E.2). */
const PDV_HEADER_BYTES = 6;
/** 128 presentation contexts with a dozen transfer syntaxes each are under 64 KiB. */
const LONGEST_ASSOCIATE_BYTES = 131_072;
const SHORT_PDU_BYTES = 4;
/** Senders differ in whether the maximum they were told includes headers (PS3.8 D.1.1): a few bytes of grace. */
const DATA_PDU_GRACE_BYTES = 64;

/** The peer broke the upper layer protocol: the association is aborted with this reason. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  constructor(
    readonly abort: 'unrecognisedPdu' | 'unexpectedPdu' | 'invalidParameter',
    message: string,
  ) {
    super(message);
  }
}

export interface FramerEvents {
  /** A whole PDU that is not P-DATA-TF, its header included. */
  pdu(type: number, bytes: Buffer): void;
  /** The next bytes of a presentation data value; `isEnd` with its last (perhaps empty) piece. */
  fragment(contextId: number, isCommand: boolean, isLast: boolean, piece: Buffer, isEnd: boolean): void;
}

/** What other protocols begin with, for whoever took their port for a DICOM one. */
const NOT_DICOM: Readonly<Record<number, string>> = {
  72: 'a web server (HTTP) answers on that port',
  71: 'a web browser (HTTP) calls',
  21: 'TLS is spoken on that port',
  22: 'TLS is spoken on that port',
  83: 'an SSH server answers on that port',
  50: 'a mail or file server answers on that port',
};

/**
 * Cuts a TCP stream into PDUs and hands presentation data on as it comes, without gathering or copying it: a PDU
 * that declares a gigabyte costs no memory. Lengths that contradict each other raise a ProtocolError.
 */
export class PduFramer {
  /** Chunks that do not yet make up the `#need` bytes of the next header or PDU. */
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  #need = 0;
  #pduLeft = 0;
  #pdvLeft = 0;
  #inPdv = false;
  #contextId = 0;
  #control = 0;

  constructor(
    private readonly maxPduBytes: number,
    private readonly events: FramerEvents,
  ) {}

  /**
   * @param chunk may be lent: what is kept of it is copied; the events get views of it
   * @throws ProtocolError; the framer is of no use afterwards
   */
  push(chunk: Buffer): void {
    const bytes = this.#gather(chunk);
    if (bytes === null) return;
    let offset = 0;
    while (offset < bytes.length) {
      const used = this.#step(bytes, offset);
      if (used === 0) {
        this.#gathered = [Buffer.from(bytes.subarray(offset))];
        this.#gatheredBytes = bytes.length - offset;
        return;
      }
      offset += used;
    }
  }

  /** Joins once per header or PDU, not once per chunk: a peer that sends byte by byte must not cost us squares. */
  #gather(chunk: Buffer): Buffer | null {
    if (this.#gatheredBytes === 0) return chunk;
    this.#gatheredBytes += chunk.length;
    if (this.#gatheredBytes < this.#need) {
      this.#gathered.push(Buffer.from(chunk));
      return null;
    }
    this.#gathered.push(chunk);
    const joined = Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    return joined;
  }

  #wait(need: number): 0 {
    this.#need = need;
    return 0;
  }

  #step(bytes: Buffer, offset: number): number {
    if (this.#inPdv) return this.#pdvBytes(bytes, offset);
    if (this.#pduLeft > 0) return this.#pdvHeader(bytes, offset);
    return this.#pduHeader(bytes, offset);
  }

  #pduHeader(bytes: Buffer, offset: number): number {
    const type = bytes[offset]!;
    if (bytes.length - offset < PDU_HEADER_BYTES) {
      this.#checkType(type);
      return this.#wait(PDU_HEADER_BYTES);
    }
    const length = bytes.readUInt32BE(offset + 2);
    this.#checkType(type);
    this.#checkLength(type, length);
    if (type === PDU_TYPES.data) {
      this.#pduLeft = length;
      return PDU_HEADER_BYTES;
    }
    const end = offset + PDU_HEADER_BYTES + length;
    if (bytes.length < end) return this.#wait(PDU_HEADER_BYTES + length);
    this.events.pdu(type, bytes.subarray(offset, end));
    return PDU_HEADER_BYTES + length;
  }

  #checkType(type: number): void {
    if (type >= PDU_TYPES.associateRequest && type <= PDU_TYPES.abort) return;
    const hint = NOT_DICOM[type];
    const what = `PDU type 0x${type.toString(16)} does not exist`;
    throw new ProtocolError('unrecognisedPdu', hint ? `this is no DICOM: ${hint} (${what})` : what);
  }

  #checkLength(type: number, length: number): void {
    const isAssociate = type <= PDU_TYPES.associateAccept;
    const isData = type === PDU_TYPES.data;
    const [least, most] = isData
      ? [PDV_HEADER_BYTES, this.maxPduBytes + DATA_PDU_GRACE_BYTES]
      : [SHORT_PDU_BYTES, isAssociate ? LONGEST_ASSOCIATE_BYTES : SHORT_PDU_BYTES];
    if (length >= least && length <= most) return;
    throw new ProtocolError('invalidParameter', `a PDU of type ${type} declares ${length} bytes`);
  }

  #pdvHeader(bytes: Buffer, offset: number): number {
    this.#checkRoomForPdv();
    if (bytes.length - offset < PDV_HEADER_BYTES) return this.#wait(PDV_HEADER_BYTES);
    const length = bytes.readUInt32BE(offset);
    if (length < 2 || length + 4 > this.#pduLeft) {
      throw new ProtocolError('invalidParameter', `a PDV of ${length} bytes in a PDU with ${this.#pduLeft}`);
    }
    this.#contextId = bytes[offset + 4]!;
    this.#control = bytes[offset + 5]!;
    this.#pdvLeft = length - 2;
    this.#pduLeft -= PDV_HEADER_BYTES;
    this.#inPdv = true;
    if (this.#pdvLeft === 0) this.#emit(bytes.subarray(0, 0));
    return PDV_HEADER_BYTES;
  }

  #checkRoomForPdv(): void {
    if (this.#pduLeft >= PDV_HEADER_BYTES) return;
    throw new ProtocolError('invalidParameter', `${this.#pduLeft} bytes left in a PDU are no PDV`);
  }

  #pdvBytes(bytes: Buffer, offset: number): number {
    const length = Math.min(this.#pdvLeft, bytes.length - offset);
    this.#pdvLeft -= length;
    this.#pduLeft -= length;
    this.#emit(bytes.subarray(offset, offset + length));
    return length;
  }

  #emit(piece: Buffer): void {
    const isEnd = this.#pdvLeft === 0;
    if (isEnd) this.#inPdv = false;
    const [isCommand, isLast] = [(this.#control & 1) !== 0, (this.#control & 2) !== 0];
    this.events.fragment(this.#contextId, isCommand, isLast, piece, isEnd);
  }
}
