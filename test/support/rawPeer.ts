import { connect, type Socket } from 'node:net';
import { type CommandSet, encodeStoreRequest, parseCommandSet } from '../../agent/dicom/dimse/commandSet.js';
import { PDU_TYPES } from '../../agent/dicom/dimse/pduFramer.js';
import { dataPdu } from '../../agent/dicom/dimse/pdus.js';
import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { TRANSFER_SYNTAXES } from '../../agent/dicom/transferSyntaxes.js';
import type { SmallObject } from './dicomObject.js';

export interface RawPdu {
  readonly type: number;
  /** Without the six bytes of the header. */
  readonly body: Buffer;
}

export interface OfferedContext {
  readonly id: number;
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUids: readonly string[];
}

export const CT_CONTEXT: OfferedContext = {
  id: 1,
  abstractSyntaxUid: SOP_CLASSES.ctImage.uid,
  transferSyntaxUids: [TRANSFER_SYNTAXES.explicitVrLittleEndian.uid],
};

/** A peer that sends whatever bytes a test wants, and reads whole PDUs back. */
export class RawPeer {
  readonly #pdus: RawPdu[] = [];
  #bytes = Buffer.alloc(0);
  #isClosed = false;
  #wake: () => void = () => undefined;

  private constructor(readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#data(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  static connect(port: number): Promise<RawPeer> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new RawPeer(socket)));
      socket.once('error', reject);
    });
  }

  /** Connects and negotiates; fails unless the association is accepted. */
  static async associate(port: number, contexts: readonly OfferedContext[] = [CT_CONTEXT]): Promise<RawPeer> {
    const peer = await RawPeer.connect(port);
    peer.send(associateRequest(contexts));
    const answer = await peer.next();
    if (answer?.type !== PDU_TYPES.associateAccept)
      throw new Error(`not accepted: ${answer?.type ?? 'closed'}`);
    return peer;
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** The next PDU, or null once the peer has closed. One caller at a time. */
  async next(): Promise<RawPdu | null> {
    while (this.#pdus.length === 0 && !this.#isClosed)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#pdus.shift() ?? null;
  }

  /** C-STORE in PDUs of `pduBytes`, with a command that may contradict the data set. */
  async store(
    object: SmallObject,
    says: Partial<SmallObject> = {},
    pduBytes = 16_384,
  ): Promise<CommandSet | null> {
    for (const pdu of storePdus(object, says, pduBytes)) this.send(pdu);
    return this.response();
  }

  async response(): Promise<CommandSet | null> {
    const pdu = await this.next();
    return pdu?.type === PDU_TYPES.data ? parseCommandSet(pdu.body.subarray(6)) : null;
  }

  sendRelease(): void {
    this.send(Buffer.from([PDU_TYPES.releaseRequest, 0, 0, 0, 0, 4, 0, 0, 0, 0]));
  }

  async release(): Promise<RawPdu | null> {
    this.sendRelease();
    return this.next();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #data(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 6) {
      const end = 6 + this.#bytes.readUInt32BE(2);
      if (this.#bytes.length < end) break;
      this.#pdus.push({ type: this.#bytes[0]!, body: this.#bytes.subarray(6, end) });
      this.#bytes = this.#bytes.subarray(end);
    }
    this.#wake();
  }
}

export function storePdus(object: SmallObject, says: Partial<SmallObject> = {}, pduBytes = 16_384): Buffer[] {
  const { sopClassUid, sopInstanceUid } = { ...object, ...says };
  const command = encodeStoreRequest({ messageId: 1, sopClassUid, sopInstanceUid });
  const pdus = [dataPdu(1, true, true, command)];
  for (let at = 0; at < Math.max(1, object.dataset.length); at += pduBytes) {
    const piece = object.dataset.subarray(at, at + pduBytes);
    pdus.push(dataPdu(1, false, at + pduBytes >= object.dataset.length, piece));
  }
  return pdus;
}

export function associateRequest(
  contexts: readonly OfferedContext[] = [CT_CONTEXT],
  { calledAe = 'CALCIDISC', callingAe = 'RAWPEER' } = {},
): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, 1, 0, 0]),
    Buffer.from(calledAe.padEnd(16) + callingAe.padEnd(16), 'latin1'),
    Buffer.alloc(32),
    item(0x10, Buffer.from('1.2.840.10008.3.1.1.1')),
    ...contexts.map(contextItem),
    item(0x50, Buffer.concat([item(0x51, Buffer.from([0, 0, 0x40, 0])), item(0x52, Buffer.from('2.25.99'))])),
  ]);
  const header = Buffer.from([PDU_TYPES.associateRequest, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

function contextItem({ id, abstractSyntaxUid, transferSyntaxUids }: OfferedContext): Buffer {
  const syntaxes = transferSyntaxUids.map((uid) => item(0x40, Buffer.from(uid)));
  return item(
    0x20,
    Buffer.concat([Buffer.from([id, 0, 0, 0]), item(0x30, Buffer.from(abstractSyntaxUid)), ...syntaxes]),
  );
}

function item(type: number, value: Buffer): Buffer {
  const header = Buffer.from([type, 0, 0, 0]);
  header.writeUInt16BE(value.length, 2);
  return Buffer.concat([header, value]);
}

/** What an A-ASSOCIATE-AC says of each context: 0 is acceptance (PS3.8 table 9-18). */
export function contextResults(accept: RawPdu): Map<number, { result: number; transferSyntaxUid: string }> {
  const results = new Map<number, { result: number; transferSyntaxUid: string }>();
  for (let at = 68; at + 4 <= accept.body.length; ) {
    const end = at + 4 + accept.body.readUInt16BE(at + 2);
    if (accept.body[at] === 0x21) {
      const transferSyntaxUid = accept.body.toString('latin1', at + 12, end);
      results.set(accept.body[at + 4]!, { result: accept.body[at + 6]!, transferSyntaxUid });
    }
    at = end;
  }
  return results;
}
