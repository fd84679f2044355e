import { type TextDecode, textDecode } from './charset.js';
import { KEYWORDS, type Keyword, PIXEL_DATA_TAG } from './keywords.js';

/**
 * A data set as it lies in the bytes: elements are found, not decoded, until somebody asks.
 * Why not dcmjs here: it wants the whole file, decodes every value, knows no code extensions, and does not tell
 * a data set that ends early from one that ends. Tests hold the two against each other.
 */
export interface Encoding {
  readonly implicitVr: boolean;
  readonly bigEndian: boolean;
}

interface Element {
  readonly vr: string;
  readonly offset: number;
  /** UNDEFINED_LENGTH for a sequence or encapsulated pixel data that ends by a delimiter. */
  readonly length: number;
}

export const UNDEFINED_LENGTH = 0xffffffff;
const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
const IMPLICIT: Encoding = { implicitVr: true, bigEndian: false };
/** Nested deeper than anything real: a crafted file must not exhaust the stack. */
const MAX_DEPTH = 24;

/** Value representations with a 32-bit length in the explicit encodings (PS3.5 7.1.2). */
const LONG_VRS: ReadonlySet<string> = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));

interface Head {
  readonly tag: number;
  readonly vr: string;
  readonly offset: number;
  readonly length: number;
}

/** Where a walk ended: at the end asked for, or because the bytes ran out or made no sense. */
export type Ending = 'end' | 'pixel-data' | 'truncated';

export class DataSet {
  private readonly elements = new Map<number, Element>();
  private readonly view: DataView;
  private readonly decodeText: TextDecode;
  /** The first byte behind this data set. */
  readonly end: number;
  readonly ending: Ending;

  /** Reads the elements of `bytes` from `start`, up to but not into pixel data, an item's delimiter or `end`. */
  constructor(
    readonly bytes: Uint8Array,
    private readonly encoding: Encoding,
    start: number,
    end: number,
    inherited?: TextDecode,
    private readonly depth = 0,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    [this.end, this.ending] = this.walk(start, end);
    const declared = this.find('SpecificCharacterSet') ? this.strings('SpecificCharacterSet') : null;
    this.decodeText = declared || !inherited ? textDecode(declared ?? []) : inherited;
  }

  /** Text of the first value, trimmed; null when absent or empty. */
  string(keyword: Keyword): string | null {
    const value = this.text(keyword);
    return value === null || value === '' ? null : value.split('\\')[0]!.trim() || null;
  }

  /** The whole value, backslashes and all: for names and descriptions, which are single-valued here. */
  text(keyword: Keyword): string | null {
    const element = this.find(keyword);
    if (!element || element.length === UNDEFINED_LENGTH) return null;
    const raw = this.bytes.subarray(element.offset, element.offset + element.length);
    // Padding is a space or, for UIDs and by mistake elsewhere, a null (PS3.5 6.2).
    return (
      this.decodeText(raw)
        .replace(/[\0 ]+$/u, '')
        .trimStart() || null
    );
  }

  strings(keyword: Keyword): readonly string[] {
    const element = this.find(keyword);
    if (!element || element.length === 0 || element.length === UNDEFINED_LENGTH) return [];
    const raw = this.bytes.subarray(element.offset, element.offset + element.length);
    const text =
      keyword === 'SpecificCharacterSet' ? Buffer.from(raw).toString('latin1') : this.decodeText(raw);
    return text
      .replace(/[\0 ]+$/u, '')
      .split('\\')
      .map((value) => value.trim());
  }

  /** The first number, or null when there is none or it is no finite number. */
  number(keyword: Keyword): number | null {
    return this.numbersOf(keyword)[0] ?? null;
  }

  /** Exactly `count` finite numbers, or null. */
  numbers(keyword: Keyword, count: number): readonly number[] | null {
    const values = this.numbersOf(keyword);
    return values.length === count && values.every((v) => v !== null) ? (values as number[]) : null;
  }

  items(keyword: Keyword): readonly DataSet[] {
    const element = this.find(keyword);
    if (!element || this.depth >= MAX_DEPTH) return [];
    const encoding = element.vr === 'UN' ? IMPLICIT : this.encoding;
    const limit = element.length === UNDEFINED_LENGTH ? this.bytes.length : element.offset + element.length;
    const items: DataSet[] = [];
    for (let at = element.offset; at + 8 <= limit; ) {
      const head = this.headAt(at, encoding);
      if (head?.tag !== ITEM) break;
      const end = head.length === UNDEFINED_LENGTH ? limit : Math.min(limit, head.offset + head.length);
      const item = new DataSet(this.bytes, encoding, head.offset, end, this.decodeText, this.depth + 1);
      items.push(item);
      at = head.length === UNDEFINED_LENGTH ? item.end : head.offset + head.length;
    }
    return items;
  }

  /** The PixelData element when the walk ended at it (not Float Pixel Data, nor anything behind it). */
  pixelData(): { readonly vr: string; readonly offset: number; readonly length: number } | null {
    const head = this.ending === 'pixel-data' ? this.headAt(this.end, this.encoding) : null;
    return head?.tag === PIXEL_DATA_TAG ? head : null;
  }

  /** The items of encapsulated pixel data: offset table first; `at` is where the item's tag stands. */
  fragments(offset: number): readonly { readonly at: number; readonly bytes: Uint8Array }[] {
    const found: { at: number; bytes: Uint8Array }[] = [];
    for (let at = offset; ; ) {
      const head = this.headAt(at, this.encoding);
      if (head?.tag !== ITEM || head.length === UNDEFINED_LENGTH) return found;
      found.push({ at, bytes: this.bytes.subarray(head.offset, head.offset + head.length) });
      at = head.offset + head.length;
    }
  }

  private find(keyword: Keyword): Element | undefined {
    return this.elements.get(KEYWORDS[keyword][0]);
  }

  /** Every value, null for those that are no finite number; empty when the element is absent. */
  numbersOf(keyword: Keyword): readonly (number | null)[] {
    const element = this.find(keyword);
    if (!element || element.length === UNDEFINED_LENGTH) return [];
    const binary = BINARY_NUMBERS[element.vr === 'UN' ? KEYWORDS[keyword][1] : element.vr];
    if (!binary) return this.strings(keyword).map(parseNumber);
    const [size, read] = binary;
    const values: number[] = [];
    for (let i = 0; i + size <= element.length; i += size)
      values.push(read(this.view, element.offset + i, !this.encoding.bigEndian));
    return values.map((value) => (Number.isFinite(value) ? value : null));
  }

  private walk(start: number, limit: number): [end: number, ending: Ending] {
    let at = start;
    while (at < limit) {
      const head = this.headAt(at, this.encoding);
      if (!head) return [at, 'truncated'];
      if (head.tag === ITEM_END) return [head.offset, 'end'];
      if (head.tag >= PIXEL_DATA_TAG && head.tag >>> 16 !== 0xfffe) return [at, 'pixel-data'];
      const next = this.skip(head, this.depth);
      if (next > limit) return [at, 'truncated'];
      this.elements.set(head.tag, head);
      at = next;
    }
    return [at, 'end'];
  }

  /** Tag, value representation and length at an offset; null where the bytes run out or are no element. */
  private headAt(at: number, { implicitVr, bigEndian }: Encoding): Head | null {
    if (at + 8 > this.bytes.length) return null;
    const { view } = this;
    const tag = (view.getUint16(at, !bigEndian) << 16) | view.getUint16(at + 2, !bigEndian);
    if (implicitVr || tag >>> 16 === 0xfffe) {
      const vr = VR_OF_TAG.get(tag >>> 0) ?? 'UN';
      return { tag: tag >>> 0, vr, offset: at + 8, length: view.getUint32(at + 4, !bigEndian) };
    }
    const vr = String.fromCharCode(this.bytes[at + 4]!, this.bytes[at + 5]!);
    if (!/^[A-Z]{2}$/.test(vr)) return null;
    if (!LONG_VRS.has(vr))
      return { tag: tag >>> 0, vr, offset: at + 8, length: view.getUint16(at + 6, !bigEndian) };
    if (at + 12 > this.bytes.length) return null;
    return { tag: tag >>> 0, vr, offset: at + 12, length: view.getUint32(at + 8, !bigEndian) };
  }

  /** The offset behind an element; Infinity when it can't be told from the bytes at hand. */
  private skip(head: Head, depth: number, encoding = this.encoding): number {
    if (head.length !== UNDEFINED_LENGTH) return head.offset + head.length;
    return this.skipItems(head.offset, depth, head.vr === 'UN' ? IMPLICIT : encoding);
  }

  private skipItems(start: number, depth: number, encoding: Encoding): number {
    if (depth >= MAX_DEPTH) return Number.POSITIVE_INFINITY;
    let at = start;
    for (;;) {
      const head = this.headAt(at, encoding);
      if (head?.tag === SEQUENCE_END) return head.offset;
      if (head?.tag !== ITEM) return Number.POSITIVE_INFINITY;
      at =
        head.length === UNDEFINED_LENGTH
          ? this.skipItem(head.offset, depth, encoding)
          : head.offset + head.length;
      if (at > this.bytes.length) return Number.POSITIVE_INFINITY;
    }
  }

  private skipItem(start: number, depth: number, encoding: Encoding): number {
    let at = start;
    for (;;) {
      const head = this.headAt(at, encoding);
      if (!head) return Number.POSITIVE_INFINITY;
      if (head.tag === ITEM_END) return head.offset;
      at = this.skip(head, depth + 1, encoding);
      if (at > this.bytes.length) return Number.POSITIVE_INFINITY;
    }
  }
}

type ReadNumber = (view: DataView, at: number, littleEndian: boolean) => number;

const BINARY_NUMBERS: Readonly<Record<string, readonly [size: number, read: ReadNumber]>> = {
  // A tag is two numbers of 16 bits (PS3.5 6.2), whatever the byte order.
  AT: [4, (view, at, le) => view.getUint16(at, le) * 0x10000 + view.getUint16(at + 2, le)],
  US: [2, (view, at, le) => view.getUint16(at, le)],
  SS: [2, (view, at, le) => view.getInt16(at, le)],
  UL: [4, (view, at, le) => view.getUint32(at, le)],
  SL: [4, (view, at, le) => view.getInt32(at, le)],
  FL: [4, (view, at, le) => view.getFloat32(at, le)],
  FD: [8, (view, at, le) => view.getFloat64(at, le)],
};

const VR_OF_TAG: ReadonlyMap<number, string> = new Map(Object.values(KEYWORDS).map(([tag, vr]) => [tag, vr]));

/** DS and IS (PS3.5 6.2): a plain decimal, nothing before or behind it. */
function parseNumber(text: string): number | null {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : null;
}
