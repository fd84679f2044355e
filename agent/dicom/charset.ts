import { TextDecoder } from 'node:util';

/**
 * Text of a data set to JavaScript strings (PS3.5 6.1, PS3.3 C.12.1.1.2), code extensions included.
 * dcmjs knows single-valued character sets only; a Japanese or Korean patient name needs the escapes.
 */

/** Defined terms to the labels of the Encoding standard; the ISO 2022 terms start in the same set. */
const TERM_TO_ENCODING: Readonly<Record<string, string>> = {
  'IR 6': 'windows-1252',
  'IR 13': 'shift_jis',
  'IR 58': 'gbk',
  'IR 87': 'windows-1252',
  'IR 100': 'windows-1252',
  'IR 101': 'iso-8859-2',
  'IR 109': 'iso-8859-3',
  'IR 110': 'iso-8859-4',
  'IR 126': 'iso-8859-7',
  'IR 127': 'iso-8859-6',
  'IR 138': 'iso-8859-8',
  'IR 144': 'iso-8859-5',
  'IR 148': 'windows-1254',
  'IR 149': 'euc-kr',
  'IR 159': 'windows-1252',
  'IR 166': 'windows-874',
  'IR 192': 'utf-8',
  'IR 203': 'iso-8859-15',
  GB18030: 'gb18030',
  GBK: 'gbk',
};

interface Designation {
  readonly side: 'g0' | 'g1';
  readonly encoding: string;
  /** 94 by 94 sets in G0 come as 7-bit pairs; EUC-JP has them with the high bit set, JIS X 0212 behind SS3. */
  readonly shift?: 'euc' | 'euc-ss3';
}

/** Escape sequences after ESC, PS3.3 Tables C.12-3 and C.12-4. */
const ESCAPES: Readonly<Record<string, Designation>> = {
  '(B': { side: 'g0', encoding: 'windows-1252' },
  '(J': { side: 'g0', encoding: 'shift_jis' },
  ')I': { side: 'g1', encoding: 'shift_jis' },
  '-A': { side: 'g1', encoding: 'windows-1252' },
  '-B': { side: 'g1', encoding: 'iso-8859-2' },
  '-C': { side: 'g1', encoding: 'iso-8859-3' },
  '-D': { side: 'g1', encoding: 'iso-8859-4' },
  '-F': { side: 'g1', encoding: 'iso-8859-7' },
  '-G': { side: 'g1', encoding: 'iso-8859-6' },
  '-H': { side: 'g1', encoding: 'iso-8859-8' },
  '-L': { side: 'g1', encoding: 'iso-8859-5' },
  '-M': { side: 'g1', encoding: 'windows-1254' },
  '-T': { side: 'g1', encoding: 'windows-874' },
  '-b': { side: 'g1', encoding: 'iso-8859-15' },
  $B: { side: 'g0', encoding: 'euc-jp', shift: 'euc' },
  '$(D': { side: 'g0', encoding: 'euc-jp', shift: 'euc-ss3' },
  '$)C': { side: 'g1', encoding: 'euc-kr' },
  '$)A': { side: 'g1', encoding: 'gbk' },
};

const ESC = 0x1b;
/** Control characters and delimiters that bring the first set back (PS3.5 6.1.2.5.3). */
const RESETS: ReadonlySet<number> = new Set([...'\\^=\r\n\f\t'].map((c) => c.charCodeAt(0)));

const decoders = new Map<string, TextDecoder>();

function decoder(encoding: string): TextDecoder {
  let found = decoders.get(encoding);
  if (!found) {
    found = new TextDecoder(encoding);
    decoders.set(encoding, found);
  }
  return found;
}

export type TextDecode = (bytes: Uint8Array) => string;

/**
 * @param terms the values of SpecificCharacterSet; none means ISO_IR 6
 * @returns a decoder that never throws: what a set does not define becomes U+FFFD
 */
export function textDecode(terms: readonly string[]): TextDecode {
  const first = encodingOf(terms[0] ?? '');
  const plain: TextDecode = first === null ? decodeUndeclared : (bytes) => decoder(first).decode(bytes);
  if (terms.length < 2) return plain;
  return (bytes) => (bytes.includes(ESC) ? decodeExtended(bytes, first ?? 'windows-1252') : plain(bytes));
}

/** ISO_IR 192, ISO 2022 IR 192 and the sloppy ISO-IR 192 or ISO_IR_192 are one thing. Null: nothing declared. */
function encodingOf(term: string): string | null {
  const plain = term
    .trim()
    .toUpperCase()
    .replace(/^ISO[ _-]*(2022[ _-]*)?IR[ _-]*/, 'IR ');
  if (plain === '' || plain === 'IR 6') return null;
  return TERM_TO_ENCODING[plain] ?? null;
}

/** Bytes over 127 with no character set declared are wrong but common: UTF-8 where it fits, else Latin-1. */
function decodeUndeclared(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return decoder('windows-1252').decode(bytes);
  }
}

function decodeExtended(bytes: Uint8Array, first: string): string {
  const initial = { g0: ESCAPES['(B']!, g1: { side: 'g1', encoding: first } as Designation };
  let { g0, g1 } = initial;
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte === ESC) {
      const [sequence, designation] = escapeAt(bytes, at + 1);
      if (designation?.side === 'g0') g0 = designation;
      if (designation?.side === 'g1') g1 = designation;
      at += 1 + sequence.length;
    } else {
      const end = runEnd(bytes, at, !g0.shift);
      text += decodeRun(bytes.subarray(at, end), byte < 0x80 ? g0 : g1);
      if (!g0.shift && byte < 0x80 && RESETS.has(bytes[end - 1]!)) ({ g0, g1 } = initial);
      at = end;
    }
  }
  return text;
}

/** The longest known sequence behind an ESC; an unknown one is dropped with its first character. */
function escapeAt(bytes: Uint8Array, at: number): [sequence: string, designation: Designation | undefined] {
  for (const length of [3, 2]) {
    const sequence = String.fromCharCode(...bytes.subarray(at, at + length));
    if (ESCAPES[sequence]) return [sequence, ESCAPES[sequence]];
  }
  return ['', undefined];
}

/** A run of bytes of one half of the code table, cut behind a delimiter unless that may be half a character. */
function runEnd(bytes: Uint8Array, start: number, cutAtDelimiter: boolean): number {
  const isHigh = bytes[start]! >= 0x80;
  let end = start;
  while (end < bytes.length && bytes[end] !== ESC && bytes[end]! >= 0x80 === isHigh) {
    end++;
    if (cutAtDelimiter && !isHigh && RESETS.has(bytes[end - 1]!)) break;
  }
  return end;
}

function decodeRun(run: Uint8Array, { encoding, shift }: Designation): string {
  if (!shift) return decoder(encoding).decode(run);
  const pairs = run.map((byte) => byte | 0x80);
  if (shift === 'euc') return decoder(encoding).decode(pairs);
  const triples = new Uint8Array((run.length >> 1) * 3);
  for (let i = 0; i < run.length >> 1; i++) triples.set([0x8f, pairs[2 * i]!, pairs[2 * i + 1]!], 3 * i);
  return decoder(encoding).decode(triples);
}
