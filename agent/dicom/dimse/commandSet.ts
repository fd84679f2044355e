import { ProtocolError } from './pduFramer.js';

/** PS3.7 E.1-1: what the command field says; the high bit marks a response. */
export const COMMAND_FIELDS = {
  storeRequest: 0x0001,
  storeResponse: 0x8001,
  echoRequest: 0x0030,
  echoResponse: 0x8030,
  eventReportRequest: 0x0100,
  eventReportResponse: 0x8100,
  actionRequest: 0x0130,
  cancelRequest: 0x0fff,
} as const;

const RESPONSE_BIT = 0x8000;

/** (0000,0800) says so when no data set follows; any other value means one does (PS3.7 E.1-1). */
const NO_DATASET = 0x0101;
const WITH_DATASET = 0x0001;

const ELEMENTS = {
  groupLength: 0x0000,
  affectedSopClassUid: 0x0002,
  commandField: 0x0100,
  messageId: 0x0110,
  messageIdBeingRespondedTo: 0x0120,
  priority: 0x0700,
  dataSetType: 0x0800,
  status: 0x0900,
  errorComment: 0x0902,
  affectedSopInstanceUid: 0x1000,
} as const;

/** The few elements of a command set (PS3.7 annex E) that decide what happens to the message. */
export interface CommandSet {
  readonly commandField: number;
  readonly messageId: number;
  readonly affectedSopClassUid: string;
  readonly affectedSopInstanceUid: string;
  readonly hasDataset: boolean;
  /** Of a response. */
  readonly status: number;
  readonly messageIdBeingRespondedTo: number;
  readonly errorComment: string;
}

/** @throws ProtocolError when the bytes are no command set: Implicit VR Little Endian, group 0000 only (PS3.7 6.3.1) */
export function parseCommandSet(bytes: Buffer): CommandSet {
  const values = elementsOf(bytes);
  const declared = values.get(ELEMENTS.groupLength);
  // Twelve bytes of the group length element itself are not counted.
  if (declared?.length === 4 && declared.readUInt32LE(0) !== bytes.length - 12) {
    throw new ProtocolError('invalidParameter', 'the command set is not as long as it says');
  }
  const number = (element: number) => numberIn(values.get(element));
  const commandField = number(ELEMENTS.commandField);
  const dataSetType = number(ELEMENTS.dataSetType);
  if (commandField === null || dataSetType === null) {
    throw new ProtocolError('invalidParameter', 'a command set without command field or data set type');
  }
  return {
    commandField,
    messageId: number(ELEMENTS.messageId) ?? 0,
    affectedSopClassUid: textIn(values.get(ELEMENTS.affectedSopClassUid)),
    affectedSopInstanceUid: textIn(values.get(ELEMENTS.affectedSopInstanceUid)),
    hasDataset: dataSetType !== NO_DATASET,
    status: number(ELEMENTS.status) ?? 0,
    messageIdBeingRespondedTo: number(ELEMENTS.messageIdBeingRespondedTo) ?? 0,
    errorComment: textIn(values.get(ELEMENTS.errorComment)),
  };
}

export interface ResponseFields {
  /** Of the request that is answered. */
  readonly request: Pick<
    CommandSet,
    'commandField' | 'messageId' | 'affectedSopClassUid' | 'affectedSopInstanceUid'
  >;
  readonly status: number;
  /** Goes to the sender as (0000,0902) Error Comment, cut to 64 characters. */
  readonly comment?: string;
}

/** A response without data set: PS3.7 table 9.3-2 for C-STORE-RSP, and of the same form for the others. */
export function encodeResponse({ request, status, comment }: ResponseFields): Buffer {
  return encode([
    uidElement(ELEMENTS.affectedSopClassUid, request.affectedSopClassUid),
    numberElement(ELEMENTS.commandField, request.commandField | RESPONSE_BIT),
    numberElement(ELEMENTS.messageIdBeingRespondedTo, request.messageId),
    numberElement(ELEMENTS.dataSetType, NO_DATASET),
    numberElement(ELEMENTS.status, status),
    ...(comment ? [textElement(ELEMENTS.errorComment, comment.slice(0, 64))] : []),
    ...(request.affectedSopInstanceUid
      ? [uidElement(ELEMENTS.affectedSopInstanceUid, request.affectedSopInstanceUid)]
      : []),
  ]);
}

export interface StoreRequest {
  readonly messageId: number;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

/** C-STORE-RQ of medium priority, PS3.7 table 9.3-1. */
export function encodeStoreRequest(request: StoreRequest): Buffer {
  return encode([
    uidElement(ELEMENTS.affectedSopClassUid, request.sopClassUid),
    numberElement(ELEMENTS.commandField, COMMAND_FIELDS.storeRequest),
    numberElement(ELEMENTS.messageId, request.messageId),
    numberElement(ELEMENTS.priority, 0),
    numberElement(ELEMENTS.dataSetType, WITH_DATASET),
    uidElement(ELEMENTS.affectedSopInstanceUid, request.sopInstanceUid),
  ]);
}

function elementsOf(bytes: Buffer): Map<number, Buffer> {
  const values = new Map<number, Buffer>();
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + 8 > bytes.length || bytes.readUInt16LE(offset) !== 0x0000) {
      throw new ProtocolError('invalidParameter', 'a command set with bytes that are no group 0000 element');
    }
    const end = offset + 8 + bytes.readUInt32LE(offset + 4);
    if (end > bytes.length)
      throw new ProtocolError('invalidParameter', 'a command element runs past its end');
    values.set(bytes.readUInt16LE(offset + 2), bytes.subarray(offset + 8, end));
    offset = end;
  }
  return values;
}

function numberIn(value: Buffer | undefined): number | null {
  return value !== undefined && value.length >= 2 ? value.readUInt16LE(0) : null;
}

function textIn(value: Buffer | undefined): string {
  return (value?.toString('latin1') ?? '').replace(/[\0 ]+$/, '');
}

function encode(elements: readonly Buffer[]): Buffer {
  const length = elements.reduce((sum, each) => sum + each.length, 0);
  const value = Buffer.alloc(4);
  value.writeUInt32LE(length);
  return Buffer.concat([element(ELEMENTS.groupLength, value), ...elements]);
}

function uidElement(number: number, uid: string): Buffer {
  return element(number, Buffer.from(uid.length % 2 === 0 ? uid : `${uid}\0`, 'latin1'));
}

function textElement(number: number, text: string): Buffer {
  const printable = text.replace(/[^\x20-\x5b\x5d-\x7e]/g, '?');
  return element(number, Buffer.from(printable.length % 2 === 0 ? printable : `${printable} `, 'latin1'));
}

function numberElement(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return element(number, bytes);
}

function element(number: number, value: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(number, 2);
  header.writeUInt32LE(value.length, 4);
  return Buffer.concat([header, value]);
}
