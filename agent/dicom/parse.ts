import { open } from 'node:fs/promises';
import { constants, inflateRawSync } from 'node:zlib';
import { CalcidiscError } from '../domain/errors.js';
import { DataSet, type Encoding } from './elements.js';
import { DEFLATED_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from './keywords.js';

/** A Part 10 file (PS3.10 7): file meta information and the data set up to its pixel data. */
export interface Part10 {
  readonly meta: DataSet;
  readonly dataSet: DataSet;
  readonly transferSyntaxUid: string;
  readonly encoding: Encoding;
}

const PREAMBLE_BYTES = 128;
const META_START = PREAMBLE_BYTES + 4;
const META_ENCODING: Encoding = { implicitVr: false, bigEndian: false };
/** Most headers fit; each further read is eight times as long. */
const FIRST_READ_BYTES = 32 * 1024;
/** Deflate expands at most about 1000-fold: a data set beyond this is an attack or no image of ours. */
const MAX_INFLATED_BYTES = 2 * 1024 ** 3;

/** @throws CalcidiscError NOT_DICOM when the bytes are no Part 10 file */
export function parsePart10(bytes: Uint8Array): Part10 {
  const magic = Buffer.from(bytes.subarray(PREAMBLE_BYTES, META_START)).toString('latin1');
  if (magic !== 'DICM')
    throw new CalcidiscError('NOT_DICOM', 'not a DICOM Part 10 file (no DICM at byte 128)');
  const metaEnd = endOfMeta(bytes);
  const meta = new DataSet(bytes, META_ENCODING, META_START, metaEnd);
  const transferSyntaxUid = meta.string('TransferSyntaxUID') ?? IMPLICIT_LITTLE_ENDIAN;
  const [body, start] =
    transferSyntaxUid === DEFLATED_LITTLE_ENDIAN ? [inflate(bytes.subarray(metaEnd)), 0] : [bytes, metaEnd];
  const encoding = {
    implicitVr: !hasVr(body, start),
    bigEndian: transferSyntaxUid === EXPLICIT_BIG_ENDIAN,
  };
  return { meta, dataSet: new DataSet(body, encoding, start, body.length), transferSyntaxUid, encoding };
}

/**
 * Reads as much of a file as its header takes, seldom more than 32 KiB.
 * @throws CalcidiscError NOT_DICOM; the file system's own errors
 */
export async function readPart10Header(path: string): Promise<Part10> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    for (let length = FIRST_READ_BYTES; ; length *= 8) {
      const bytes = new Uint8Array(Math.min(length, size));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
      const part10 = parsePart10(bytes.subarray(0, bytesRead));
      const isWhole = length >= size;
      // An inflated part can end between two elements, so only its pixel data says that the header is whole.
      if (part10.dataSet.ending === 'pixel-data' || isWhole) return part10;
    }
  } finally {
    await file.close();
  }
}

/**
 * The meta information ends where its group length says, or, where that is missing or wrong, at the first tag
 * that is not of group 0002.
 */
function endOfMeta(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = META_START;
  while (at + 12 <= bytes.length && view.getUint16(at, true) === 0x0002) {
    const vr = String.fromCharCode(bytes[at + 4]!, bytes[at + 5]!);
    const isLong = vr === 'OB' || vr === 'UN' || vr === 'OW';
    at += isLong ? 12 + view.getUint32(at + 8, true) : 8 + view.getUint16(at + 6, true);
  }
  return Math.min(at, bytes.length);
}

/** Two capitals behind the first tag: some writers say Explicit VR and write Implicit, or the other way round. */
function hasVr(bytes: Uint8Array, start: number): boolean {
  const isCapital = (byte: number | undefined) => byte !== undefined && byte >= 0x41 && byte <= 0x5a;
  return isCapital(bytes[start + 4]) && isCapital(bytes[start + 5]);
}

/** As much as can be inflated: a file cut short still has a header (PS3.5 A.5, raw deflate). */
function inflate(bytes: Uint8Array): Uint8Array {
  try {
    return inflateRawSync(bytes, {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: MAX_INFLATED_BYTES,
    });
  } catch (cause) {
    throw new CalcidiscError('NOT_DICOM', 'the deflated data set is corrupt', {}, { cause });
  }
}
