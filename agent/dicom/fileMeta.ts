import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from './implementation.js';

/** PS3.10 7.1: what stands before the data set in a DICOM file. */
export interface FileMeta {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  /** (0002,0016) Source Application Entity Title: who sent it. */
  readonly sourceAe: string;
}

const PREAMBLE_BYTES = 128;
const PREFIX = 'DICM';

/** @returns preamble, prefix and file meta information: write the data set after it and it is a Part 10 file */
export function encodeFileMeta(meta: FileMeta): Buffer {
  const elements = Buffer.concat([
    longElement(0x0001, 'OB', Buffer.from([0, 1])),
    element(0x0002, 'UI', meta.sopClassUid),
    element(0x0003, 'UI', meta.sopInstanceUid),
    element(0x0010, 'UI', meta.transferSyntaxUid),
    element(0x0012, 'UI', IMPLEMENTATION_CLASS_UID),
    element(0x0013, 'SH', IMPLEMENTATION_VERSION_NAME),
    element(0x0016, 'AE', meta.sourceAe),
  ]);
  const groupLength = Buffer.alloc(4);
  groupLength.writeUInt32LE(elements.length);
  return Buffer.concat([
    Buffer.alloc(PREAMBLE_BYTES),
    Buffer.from(PREFIX, 'ascii'),
    shortElement(0x0000, 'UL', groupLength),
    elements,
  ]);
}

/** @returns the file meta and where the data set begins, or null when this is no Part 10 file */
export function decodeFileMeta(head: Buffer): { meta: FileMeta; datasetOffset: number } | null {
  const start = PREAMBLE_BYTES + PREFIX.length;
  if (head.toString('latin1', PREAMBLE_BYTES, start) !== PREFIX) return null;
  const values = new Map<number, string>();
  let offset = start;
  // The group's own length element is optional in files found in the wild: end where group 0002 ends.
  while (offset + 8 <= head.length && head.readUInt16LE(offset) === 0x0002) {
    const isLong = LONG_VRS.has(head.toString('latin1', offset + 4, offset + 6));
    if (isLong && offset + 12 > head.length) return null;
    const length = isLong ? head.readUInt32LE(offset + 8) : head.readUInt16LE(offset + 6);
    const valueAt = offset + (isLong ? 12 : 8);
    if (valueAt + length > head.length) return null;
    values.set(head.readUInt16LE(offset + 2), trimmed(head.toString('latin1', valueAt, valueAt + length)));
    offset = valueAt + length;
  }
  const transferSyntaxUid = values.get(0x0010);
  if (!transferSyntaxUid) return null;
  return {
    meta: {
      sopClassUid: values.get(0x0002) ?? '',
      sopInstanceUid: values.get(0x0003) ?? '',
      transferSyntaxUid,
      sourceAe: values.get(0x0016) ?? '',
    },
    datasetOffset: offset,
  };
}

const LONG_VRS = new Set(['OB', 'OW', 'UN', 'SQ', 'UT', 'OD', 'OF', 'OL', 'OV', 'UC', 'UR', 'SV', 'UV']);

function trimmed(text: string): string {
  return text.replace(/[\0 ]+$/, '');
}

/** UI is padded with NUL, text with a space, to an even length (PS3.5 6.2). */
function element(number: number, vr: 'UI' | 'SH' | 'AE', text: string): Buffer {
  const pad = text.length % 2 === 0 ? '' : vr === 'UI' ? '\0' : ' ';
  return shortElement(number, vr, Buffer.from(text + pad, 'latin1'));
}

function shortElement(number: number, vr: string, value: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(0x0002, 0);
  header.writeUInt16LE(number, 2);
  header.write(vr, 4, 'latin1');
  header.writeUInt16LE(value.length, 6);
  return Buffer.concat([header, value]);
}

function longElement(number: number, vr: string, value: Buffer): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16LE(0x0002, 0);
  header.writeUInt16LE(number, 2);
  header.write(vr, 4, 'latin1');
  header.writeUInt32LE(value.length, 8);
  return Buffer.concat([header, value]);
}
