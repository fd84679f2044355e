/** PS3.5 table 7.1-1: these have a 32-bit length after two reserved bytes. */
const LONG_VRS = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const UNDEFINED_LENGTH = 0xffffffff;
const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
const HEADER_BYTES = 8;

interface Converted {
  readonly parts: Buffer[];
  readonly bytes: number;
  /** Where reading went on after it. */
  readonly end: number;
}

/**
 * The same data set in Implicit VR Little Endian, the one transfer syntax every application entity takes
 * (PS3.5 10.1): values stay as they are, only element headers change, and with them the lengths of sequences.
 * @param dataset Explicit VR Little Endian, native pixel data
 * @throws RangeError when it cannot be read, or holds UN of undefined length
 */
export function toImplicitVr(dataset: Buffer): Buffer {
  const { parts } = convert(dataset, 0, dataset.length, null);
  return Buffer.concat(parts);
}

/** Elements up to `limit`, or up to and with the delimiter that ends them. */
function convert(source: Buffer, start: number, limit: number, delimiter: number | null): Converted {
  const parts: Buffer[] = [];
  let [offset, bytes] = [start, 0];
  while (offset < limit) {
    const tag = tagAt(source, offset, limit);
    const isEnd = tag === delimiter;
    const one = isEnd ? copyDelimiter(source, offset) : convertElement(source, offset, limit, tag);
    for (const part of one.parts) parts.push(part);
    bytes += one.bytes;
    offset = one.end;
    if (isEnd) return { parts, bytes, end: offset };
  }
  if (delimiter !== null) throw new RangeError('a sequence or item has no end');
  return { parts, bytes, end: offset };
}

function convertElement(source: Buffer, offset: number, limit: number, tag: number): Converted {
  const vr = source.toString('latin1', offset + 4, offset + 6);
  const isLong = LONG_VRS.has(vr);
  const valueAt = offset + (isLong ? 12 : HEADER_BYTES);
  if (valueAt > limit) throw new RangeError('the data set ends inside an element header');
  const length = isLong ? source.readUInt32LE(offset + 8) : source.readUInt16LE(offset + 6);
  if (vr === 'SQ') return convertSequence(source, tag, valueAt, length, limit);
  if (length === UNDEFINED_LENGTH) throw new RangeError(`${vr} of undefined length is not converted`);
  const end = valueAt + length;
  if (end > limit) throw new RangeError('the data set ends inside an element');
  return { parts: [header(tag, length), source.subarray(valueAt, end)], bytes: HEADER_BYTES + length, end };
}

function convertSequence(
  source: Buffer,
  tag: number,
  start: number,
  length: number,
  limit: number,
): Converted {
  const isOpen = length === UNDEFINED_LENGTH;
  const until = isOpen ? limit : start + length;
  if (until > limit) throw new RangeError('a sequence runs past its end');
  const parts: Buffer[] = [];
  let [offset, bytes] = [start, 0];
  while (offset < until) {
    const isEnd = tagAt(source, offset, until) === SEQUENCE_END;
    const one = isEnd ? copyDelimiter(source, offset) : convertItem(source, offset, until);
    for (const part of one.parts) parts.push(part);
    bytes += one.bytes;
    offset = one.end;
    if (isEnd) break;
  }
  const head = header(tag, isOpen ? UNDEFINED_LENGTH : bytes);
  return { parts: [head, ...parts], bytes: HEADER_BYTES + bytes, end: offset };
}

function convertItem(source: Buffer, offset: number, limit: number): Converted {
  if (tagAt(source, offset, limit) !== ITEM) throw new RangeError('an item was expected');
  const length = source.readUInt32LE(offset + 4);
  const start = offset + HEADER_BYTES;
  const isOpen = length === UNDEFINED_LENGTH;
  const end = isOpen ? limit : start + length;
  if (end > limit) throw new RangeError('an item runs past its sequence');
  const content = convert(source, start, end, isOpen ? ITEM_END : null);
  const head = header(ITEM, isOpen ? UNDEFINED_LENGTH : content.bytes);
  return { parts: [head, ...content.parts], bytes: HEADER_BYTES + content.bytes, end: content.end };
}

function copyDelimiter(source: Buffer, offset: number): Converted {
  const end = offset + HEADER_BYTES;
  return { parts: [source.subarray(offset, end)], bytes: HEADER_BYTES, end };
}

function tagAt(source: Buffer, offset: number, limit: number): number {
  if (offset + HEADER_BYTES > limit) throw new RangeError('the data set ends inside an element header');
  return (source.readUInt16LE(offset) * 0x10000 + source.readUInt16LE(offset + 2)) >>> 0;
}

function header(tag: number, length: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt16LE(tag >>> 16, 0);
  bytes.writeUInt16LE(tag & 0xffff, 2);
  bytes.writeUInt32LE(length, 4);
  return bytes;
}
