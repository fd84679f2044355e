import { PDU_TYPES } from './pduFramer.js';

const PDU_HEADER_BYTES = 6;
const PDV_HEADER_BYTES = 6;

/** The 12 bytes before a presentation data value that fills a P-DATA-TF PDU alone (PS3.8 9.3.5). */
export function dataPduHeader(
  contextId: number,
  isCommand: boolean,
  isLast: boolean,
  length: number,
): Buffer {
  const header = Buffer.alloc(PDU_HEADER_BYTES + PDV_HEADER_BYTES);
  header[0] = PDU_TYPES.data;
  header.writeUInt32BE(length + PDV_HEADER_BYTES, 2);
  header.writeUInt32BE(length + 2, 6);
  header[10] = contextId;
  header[11] = (isCommand ? 1 : 0) | (isLast ? 2 : 0);
  return header;
}

export function dataPdu(contextId: number, isCommand: boolean, isLast: boolean, value: Buffer): Buffer {
  return Buffer.concat([dataPduHeader(contextId, isCommand, isLast, value.length), value]);
}

/** A-ABORT, PS3.8 9.3.8. */
export function abortPdu({ source, reason }: { readonly source: number; readonly reason: number }): Buffer {
  return Buffer.from([PDU_TYPES.abort, 0, 0, 0, 0, 4, 0, 0, source, reason]);
}
