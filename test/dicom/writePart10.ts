import { deflateRawSync } from 'node:zlib';
import { KEYWORDS, type Keyword } from '../../agent/dicom/keywords.js';

/** A value as a test writes it: text or raw bytes, numbers for binary VRs, items for SQ. */
export type Value = string | Uint8Array | readonly number[] | readonly Elements[];
export type Elements = Partial<Record<Keyword, Value>>;

export interface Part10Options {
  readonly transferSyntaxUid?: string;
  readonly pixelData?: Uint8Array;
  /** Frames for encapsulated pixel data instead. */
  readonly fragments?: readonly Uint8Array[];
  readonly undefinedLengths?: boolean;
  /** Bytes put in front of the pixel data, as they are. */
  readonly tail?: Uint8Array;
}

interface How {
  readonly implicit: boolean;
  readonly bigEndian: boolean;
  readonly undefinedLengths: boolean;
}

const LONG = new Set(['OB', 'OW', 'SQ', 'UN', 'UT']);
const SIZES: Readonly<Record<string, number>> = { US: 2, SS: 2, UL: 4, SL: 4, FL: 4, FD: 8 };

/** A Part 10 file made by hand, so that a test can write what no library would. */
export function writePart10(elements: Elements, options: Part10Options = {}): Uint8Array {
  const syntax = options.transferSyntaxUid ?? '1.2.840.10008.1.2.1';
  const how: How = {
    implicit: syntax === '1.2.840.10008.1.2',
    bigEndian: syntax === '1.2.840.10008.1.2.2',
    undefinedLengths: options.undefinedLengths ?? false,
  };
  const meta = dataSet(
    {
      MediaStorageSOPClassUID: elements.SOPClassUID ?? '1.2.840.10008.5.1.4.1.1.4',
      MediaStorageSOPInstanceUID: elements.SOPInstanceUID ?? '2.25.1',
      TransferSyntaxUID: syntax,
    },
    { implicit: false, bigEndian: false, undefinedLengths: false },
  );
  const body = Buffer.concat([dataSet(elements, how), options.tail ?? Buffer.alloc(0), pixels(options, how)]);
  const written = syntax === '1.2.840.10008.1.2.1.99' ? deflateRawSync(body) : body;
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), meta, written]);
}

function dataSet(elements: Elements, how: How): Buffer {
  const sorted = (Object.entries(elements) as [Keyword, Value][]).sort(
    ([a], [b]) => KEYWORDS[a][0] - KEYWORDS[b][0],
  );
  return Buffer.concat(
    sorted.map(([keyword, value]) => {
      const [tag, vr] = KEYWORDS[keyword];
      return element(tag, vr, bytesOf(vr, value, how), how);
    }),
  );
}

function bytesOf(vr: string, value: Value, how: How): Buffer {
  if (typeof value === 'string') return padded(Buffer.from(value, 'utf8'), vr === 'UI' ? 0 : 0x20);
  if (value instanceof Uint8Array) return padded(Buffer.from(value), 0x20);
  if (vr === 'SQ')
    return Buffer.concat((value as readonly Elements[]).map((item) => itemOf(dataSet(item, how), how)));
  const size = SIZES[vr];
  if (size === undefined) throw new Error(`numbers cannot be written as ${vr}`);
  return Buffer.concat((value as readonly number[]).map((number) => numberBytes(vr, size, number, how)));
}

function numberBytes(vr: string, size: number, number: number, { bigEndian }: How): Buffer {
  const bytes = Buffer.alloc(size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  if (vr === 'FD') view.setFloat64(0, number, !bigEndian);
  else if (vr === 'FL') view.setFloat32(0, number, !bigEndian);
  else if (size === 2) view.setUint16(0, number & 0xffff, !bigEndian);
  else view.setUint32(0, number >>> 0, !bigEndian);
  return bytes;
}

function itemOf(content: Buffer, how: How): Buffer {
  const length = how.undefinedLengths ? 0xffffffff : content.length;
  const end = how.undefinedLengths ? head(0xfffee00d, 0, how) : Buffer.alloc(0);
  return Buffer.concat([head(0xfffee000, length, how), content, end]);
}

/** Tag and length without a VR, as item tags have them. */
function head(tag: number, length: number, { bigEndian }: Pick<How, 'bigEndian'>): Buffer {
  const bytes = Buffer.alloc(8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  view.setUint16(0, tag >>> 16, !bigEndian);
  view.setUint16(2, tag & 0xffff, !bigEndian);
  view.setUint32(4, length, !bigEndian);
  return bytes;
}

/** One element with the VR as given, whatever the dictionary says. */
export function element(tag: number, vr: string, content: Uint8Array, how: Partial<How> = {}): Buffer {
  const bigEndian = how.bigEndian ?? false;
  const open = vr === 'SQ' && how.undefinedLengths;
  const length = open ? 0xffffffff : content.length;
  const end = open ? head(0xfffee0dd, 0, { bigEndian }) : Buffer.alloc(0);
  if (how.implicit) return Buffer.concat([head(tag, length, { bigEndian }), content, end]);
  const start = head(tag, length, { bigEndian });
  if (LONG.has(vr)) {
    const length32 = Buffer.from(start.subarray(4));
    return Buffer.concat([start.subarray(0, 4), Buffer.from(`${vr}\0\0`), length32, content, end]);
  }
  const length16 = Buffer.alloc(2);
  if (bigEndian) length16.writeUInt16BE(content.length);
  else length16.writeUInt16LE(content.length);
  return Buffer.concat([start.subarray(0, 4), Buffer.from(vr), length16, content]);
}

function pixels({ pixelData, fragments }: Part10Options, how: How): Buffer {
  if (pixelData) return element(0x7fe00010, 'OW', padded(Buffer.from(pixelData), 0), how);
  if (!fragments) return Buffer.alloc(0);
  const items = [new Uint8Array(0), ...fragments].map((bytes) => {
    const even = padded(Buffer.from(bytes), 0);
    return Buffer.concat([head(0xfffee000, even.length, how), even]);
  });
  const start = Buffer.concat([
    head(0x7fe00010, 0, how).subarray(0, 4),
    Buffer.from('OB\0\0\xff\xff\xff\xff', 'latin1'),
  ]);
  return Buffer.concat([start, ...items, head(0xfffee0dd, 0, how)]);
}

function padded(bytes: Buffer, pad: number): Buffer {
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from([pad])]);
}
