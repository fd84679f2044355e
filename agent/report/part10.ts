import dcmjs from 'dcmjs';
import { encodeFileMeta } from '../dicom/fileMeta.js';
import { EXPLICIT_LITTLE_ENDIAN } from '../dicom/keywords.js';
import type { DataSet } from './content.js';
import { invalid } from './values.js';

interface FileIdentity {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** (0002,0016) the AE title of who wrote it. */
  readonly sourceAe: string;
}

/**
 * A DICOM Part 10 file in Explicit VR Little Endian, text as UTF-8, sequences with their lengths.
 * Not by dcmjs: it drops keywords it does not know, cuts long values with no more than a warning, and keeps the
 * thread that answers DIMSE busy for 120 ms a report where this takes 15. Its dictionary is used.
 * @throws CalcidiscError REPORT_INVALID for an unknown keyword or a value that its representation does not hold
 */
export function writePart10(dataset: DataSet, identity: FileIdentity): Uint8Array {
  const meta = encodeFileMeta({ ...identity, transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN });
  return joined([meta, ...encode(dataset)]);
}

/** In one copy: a picture is megabytes. */
function joined(pieces: readonly Buffer[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function encode(dataset: DataSet): Buffer[] {
  const elements = Object.entries(dataset).map(([keyword, value]) => ({ ...lookUp(keyword), value }));
  // PS3.5 7.1: in the order of their tags.
  elements.sort((a, b) => a.tag - b.tag);
  return elements.flatMap(({ keyword, tag, vr, value }) => element(keyword, tag, vr, value));
}

function lookUp(keyword: string): { keyword: string; tag: number; vr: string } {
  const known = dcmjs.data.DicomMetaDictionary.nameMap[keyword];
  if (known === undefined) throw invalid(`unknown keyword ${keyword}`);
  // Pixels of 8 bits go as bytes (PS3.5 A.2).
  const vr = known.vr === 'ox' ? 'OB' : known.vr;
  return { keyword, tag: Number.parseInt(known.tag.replace(/\W/g, ''), 16), vr };
}

/** Value representations with a 32-bit length (PS3.5 7.1.2), of those a report is made of. */
const LONG = new Set(['OB', 'SQ', 'UT']);
/** The longest value in bytes where that is fixed (PS3.5 table 6.2-1); text counts in characters, in values.ts. */
const MOST_BYTES: Readonly<Record<string, number>> = { AS: 4, CS: 16, DA: 8, DS: 16, IS: 12, TM: 14, UI: 64 };
const TEXT = new Set(['AS', 'CS', 'DA', 'DS', 'DT', 'IS', 'LO', 'PN', 'SH', 'ST', 'TM', 'UI', 'UT']);

function element(keyword: string, tag: number, vr: string, value: unknown): Buffer[] {
  const bytes = even(vr, valueBytes(keyword, vr, value));
  const head = Buffer.alloc(LONG.has(vr) ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  if (LONG.has(vr)) head.writeUInt32LE(bytes.length, 8);
  else if (bytes.length <= 0xffff) head.writeUInt16LE(bytes.length, 6);
  else throw invalid(`${keyword} (${vr}) holds no ${bytes.length} bytes`);
  return [head, bytes];
}

function valueBytes(keyword: string, vr: string, value: unknown): Buffer {
  if (vr === 'SQ' && Array.isArray(value)) return Buffer.concat(value.flatMap(sequenceItem));
  if (vr === 'FL' && Array.isArray(value)) return Buffer.from(Float32Array.from(value).buffer);
  if (vr === 'SL' && Array.isArray(value)) return Buffer.from(Int32Array.from(value).buffer);
  if (vr === 'UL' && Number.isInteger(value)) return Buffer.from(Uint32Array.of(value as number).buffer);
  if (vr === 'OB' && value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.length);
  if (vr === 'US' && Number.isInteger(value)) return Buffer.from(Uint16Array.of(value as number).buffer);
  if (!TEXT.has(vr) || typeof value !== 'string') throw invalid(`${keyword} cannot be written as ${vr}`);
  const bytes = Buffer.from(value, 'utf8');
  const most = MOST_BYTES[vr];
  // Backslashes divide values, in what has more than one (PS3.5 6.4).
  if (most !== undefined && value.split('\\').some((one) => Buffer.byteLength(one, 'utf8') > most))
    throw invalid(`${keyword} (${vr}) holds ${most} bytes: ${value}`);
  return bytes;
}

const ITEM_TAG = [0xfe, 0xff, 0x00, 0xe0] as const;

function sequenceItem(dataset: DataSet): Buffer[] {
  const content = Buffer.concat(encode(dataset));
  const head = Buffer.from([...ITEM_TAG, 0, 0, 0, 0]);
  head.writeUInt32LE(content.length, 4);
  return [head, content];
}

/** Padded to an even length: UIDs and bytes with a null, text with a space (PS3.5 6.2). */
function even(vr: string, bytes: Buffer): Buffer {
  if (bytes.length % 2 === 0) return bytes;
  return Buffer.concat([bytes, Buffer.from(vr === 'UI' || vr === 'OB' ? '\0' : ' ', 'latin1')]);
}
