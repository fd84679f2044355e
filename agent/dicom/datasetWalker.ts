import type { TransferSyntax } from './transferSyntaxes.js';

/** What a data set says it is, and whether its bytes hang together from the first element to the last. */
export interface WalkedDataset {
  readonly sopClassUid: string | null;
  readonly sopInstanceUid: string | null;
  readonly studyInstanceUid: string | null;
  readonly seriesInstanceUid: string | null;
  /** Why it cannot be read, or null when it can. */
  readonly unreadable: string | null;
}

type Wanted = Exclude<keyof WalkedDataset, 'unreadable'>;

const WANTED: ReadonlyMap<number, Wanted> = new Map([
  [0x00080016, 'sopClassUid'],
  [0x00080018, 'sopInstanceUid'],
  [0x0020000d, 'studyInstanceUid'],
  [0x0020000e, 'seriesInstanceUid'],
]);

/** PS3.5 table 7.1-1: these have a 32-bit length after two reserved bytes. */
const LONG_VRS = new Set(
  ['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV'].map(vrCode),
);
const SQ = vrCode('SQ');
const UN = vrCode('UN');
const UNDEFINED_LENGTH = 0xffffffff;
const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
const PIXEL_DATA = 0x7fe00010;
/** Longer than any UID; a value past it is not one. */
const LONGEST_UID_VALUE = 128;
const DEEPEST = 64;

/** Open structures of undefined length; those of defined length are stepped over as one value. */
interface Level {
  readonly kind: 'dataset' | 'sequence' | 'fragments' | 'item';
  readonly isExplicit: boolean;
}

/**
 * Walks the elements of a data set while it arrives, in pieces of any size, and keeps nothing but an unfinished
 * element header: values are stepped over, not read. Costs per element, not per byte.
 */
export class DatasetWalker {
  #carry: Buffer | null = null;
  #skip = 0;
  #wanted: { name: Wanted; length: number } | null = null;
  #unreadable: string | null = null;
  #isEmpty = true;
  readonly #levels: Level[];
  readonly #isLittleEndian: boolean;
  readonly #found: Record<Wanted, string | null> = {
    sopClassUid: null,
    sopInstanceUid: null,
    studyInstanceUid: null,
    seriesInstanceUid: null,
  };

  constructor(syntax: Pick<TransferSyntax, 'isExplicit' | 'isLittleEndian'>) {
    this.#levels = [{ kind: 'dataset', isExplicit: syntax.isExplicit }];
    this.#isLittleEndian = syntax.isLittleEndian;
  }

  push(piece: Buffer): void {
    if (this.#unreadable !== null || piece.length === 0) return;
    this.#isEmpty = false;
    if (this.#carry === null && this.#skip >= piece.length) {
      this.#skip -= piece.length;
      return;
    }
    const bytes = this.#carry === null ? piece : Buffer.concat([this.#carry, piece]);
    this.#carry = null;
    let offset = this.#skip;
    this.#skip = 0;
    while (offset < bytes.length && this.#unreadable === null) {
      const used = this.#wanted === null ? this.#header(bytes, offset) : this.#value(bytes, offset);
      if (used === 0) {
        this.#carry = Buffer.from(bytes.subarray(offset));
        return;
      }
      offset += used;
    }
    this.#skip = offset - bytes.length;
  }

  /** Call once, after the last piece. */
  end(): WalkedDataset {
    return { ...this.#found, unreadable: this.#unreadable ?? this.#endProblem() };
  }

  #endProblem(): string | null {
    if (this.#isEmpty) return 'the data set is empty';
    if (this.#skip > 0 || this.#wanted !== null) return 'the data set ends inside an element';
    // Zeros after the last element are a known habit of writers that pad to a block, and harmless.
    if (this.#carry?.some((byte) => byte !== 0)) return 'the data set ends inside an element header';
    return this.#levels.length > 1 ? 'the data set ends inside a sequence' : null;
  }

  /** @returns bytes used (header and, past the end of `bytes` too, the value), 0 when more are needed */
  #header(bytes: Buffer, offset: number): number {
    const left = bytes.length - offset;
    if (left < 8) return 0;
    const level = this.#levels.at(-1)!;
    const tag = (this.#uint16(bytes, offset) * 0x10000 + this.#uint16(bytes, offset + 2)) >>> 0;
    if (tag === ITEM || tag === ITEM_END || tag === SEQUENCE_END) return this.#delimiter(tag, bytes, offset);
    if (level.kind === 'sequence' || level.kind === 'fragments')
      return this.#fail('an item was expected', tag);
    if (!level.isExplicit) return this.#element(tag, 0, this.#uint32(bytes, offset + 4), 8);
    const vr = (bytes[offset + 4]! << 8) | bytes[offset + 5]!;
    if (!isVr(vr)) return this.#padding(tag, bytes, offset);
    if (!LONG_VRS.has(vr)) return this.#element(tag, vr, this.#uint16(bytes, offset + 6), 8);
    if (left < 12) return 0;
    return this.#element(tag, vr, this.#uint32(bytes, offset + 8), 12);
  }

  #element(tag: number, vr: number, length: number, headerBytes: number): number {
    if (length === UNDEFINED_LENGTH) return this.#open(tag, vr, headerBytes);
    const name = this.#levels.length === 1 ? WANTED.get(tag) : undefined;
    if (name === undefined || length === 0) return headerBytes + length;
    if (length > LONGEST_UID_VALUE) return this.#fail('a UID is too long', tag);
    this.#wanted = { name, length };
    return headerBytes;
  }

  #value(bytes: Buffer, offset: number): number {
    const { name, length } = this.#wanted!;
    if (bytes.length - offset < length) return 0;
    const text = bytes.toString('latin1', offset, offset + length).replace(/[\0 ]+$/, '');
    if (this.#found[name] !== null) return this.#fail(`${name} stands there twice`);
    this.#found[name] = text;
    this.#wanted = null;
    return length;
  }

  /** A sequence, an item's pixel fragments, or UN of undefined length, which holds Implicit VR (PS3.5 6.2.2). */
  #open(tag: number, vr: number, headerBytes: number): number {
    const { isExplicit } = this.#levels.at(-1)!;
    if (this.#levels.length > DEEPEST) return this.#fail('sequences are nested too deep', tag);
    if (tag === PIXEL_DATA) this.#levels.push({ kind: 'fragments', isExplicit });
    else if (!isExplicit || vr === SQ) this.#levels.push({ kind: 'sequence', isExplicit });
    else if (vr === UN) this.#levels.push({ kind: 'sequence', isExplicit: false });
    else return this.#fail('only sequences and pixel data may have undefined length', tag);
    return headerBytes;
  }

  #delimiter(tag: number, bytes: Buffer, offset: number): number {
    const level = this.#levels.at(-1)!;
    const length = this.#uint32(bytes, offset + 4);
    if (tag === ITEM && (level.kind === 'sequence' || level.kind === 'fragments')) {
      if (length !== UNDEFINED_LENGTH) return 8 + length;
      if (level.kind === 'fragments') return this.#fail('a pixel fragment of undefined length', tag);
      this.#levels.push({ kind: 'item', isExplicit: level.isExplicit });
      return 8;
    }
    const closes = tag === ITEM_END ? level.kind === 'item' : tag === SEQUENCE_END && isOpenList(level.kind);
    if (!closes) return this.#fail('a delimiter without its sequence', tag);
    this.#levels.pop();
    return 8;
  }

  /** No VR where one should be: zeros up to the end of the data set are padding, anything else is garbage. */
  #padding(tag: number, bytes: Buffer, offset: number): number {
    if (this.#levels.length > 1 || tag !== 0 || bytes.subarray(offset).some((byte) => byte !== 0)) {
      return this.#fail('no value representation where one should be', tag);
    }
    return bytes.length - offset;
  }

  #fail(why: string, tag?: number): number {
    const where = tag === undefined ? '' : ` at (${hex(tag >>> 16)},${hex(tag & 0xffff)})`;
    this.#unreadable = `${why}${where}`;
    return 1;
  }

  #uint16(bytes: Buffer, at: number): number {
    return this.#isLittleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  #uint32(bytes: Buffer, at: number): number {
    return this.#isLittleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }
}

function isOpenList(kind: Level['kind']): boolean {
  return kind === 'sequence' || kind === 'fragments';
}

function vrCode(vr: string): number {
  return (vr.charCodeAt(0) << 8) | vr.charCodeAt(1);
}

function isVr(code: number): boolean {
  const [first, second] = [code >> 8, code & 0xff];
  return first >= 0x41 && first <= 0x5a && second >= 0x41 && second <= 0x5a;
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, '0');
}
