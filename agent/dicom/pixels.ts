import codecs from 'dcmjs-codecs';
import { CalcidiscError } from '../domain/errors.js';
import { type DataSet, UNDEFINED_LENGTH } from './elements.js';
import type { Part10 } from './parse.js';

/** Stored values of one frame, row by row, as the header's BitsStored and PixelRepresentation read them. */
export type StoredPixels = Uint8Array | Int8Array | Uint16Array | Int16Array;

/** How the pixels of an object are laid out (PS3.3 C.7.6.3). */
export interface PixelFormat {
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly bitsAllocated: 8 | 16;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly isSigned: boolean;
  readonly photometricInterpretation: 'MONOCHROME1' | 'MONOCHROME2';
}

type Decoder = 'decodeRle' | 'decodeJpeg' | 'decodeJpegLs' | 'decodeJpeg2000' | 'decodeHtJpeg2000';

/** Encapsulated transfer syntaxes (PS3.5 A.4) to the codec that reads them; what may arrive is receive's policy. */
export const DECODERS: Readonly<Record<string, Decoder>> = {
  '1.2.840.10008.1.2.5': 'decodeRle',
  '1.2.840.10008.1.2.4.50': 'decodeJpeg',
  '1.2.840.10008.1.2.4.51': 'decodeJpeg',
  '1.2.840.10008.1.2.4.57': 'decodeJpeg',
  '1.2.840.10008.1.2.4.70': 'decodeJpeg',
  '1.2.840.10008.1.2.4.80': 'decodeJpegLs',
  '1.2.840.10008.1.2.4.81': 'decodeJpegLs',
  '1.2.840.10008.1.2.4.90': 'decodeJpeg2000',
  '1.2.840.10008.1.2.4.91': 'decodeJpeg2000',
  '1.2.840.10008.1.2.4.201': 'decodeHtJpeg2000',
  '1.2.840.10008.1.2.4.202': 'decodeHtJpeg2000',
  '1.2.840.10008.1.2.4.203': 'decodeHtJpeg2000',
};

/**
 * All frames of an object.
 * @throws CalcidiscError PIXELS_UNSUPPORTED saying what is wrong with the pixel data
 */
export async function decodeFrames(part10: Part10): Promise<readonly StoredPixels[]> {
  const { dataSet, transferSyntaxUid } = part10;
  const format = pixelFormat(dataSet);
  const element = dataSet.pixelData();
  if (!element) throw unsupported('there is no pixel data');
  if (element.length !== UNDEFINED_LENGTH) return nativeFrames(part10, format, element);
  const decoder = DECODERS[transferSyntaxUid];
  if (!decoder) throw unsupported(`transfer syntax ${transferSyntaxUid} cannot be decoded`);
  if (!codecs.NativeCodecs.isInitialized()) await codecs.NativeCodecs.initializeAsync();
  return encodedFrames(dataSet, element.offset, format.frames).map((encoded, i) => {
    try {
      return readValues(decodeOne(decoder, encoded, format), format);
    } catch (cause) {
      if (cause instanceof CalcidiscError) throw cause;
      throw unsupported(`frame ${i + 1} cannot be decoded: ${String(cause)}`, cause);
    }
  });
}

/** @throws CalcidiscError PIXELS_UNSUPPORTED when the image is no single-channel 8 or 16 bit image */
export function pixelFormat(dataSet: DataSet): PixelFormat {
  const number = (keyword: Parameters<DataSet['number']>[0]) => dataSet.number(keyword);
  const [rows, columns] = [number('Rows'), number('Columns')];
  const bitsAllocated = number('BitsAllocated');
  const photometricInterpretation = dataSet.string('PhotometricInterpretation') ?? 'MONOCHROME2';
  if (!rows || !columns) throw unsupported('Rows or Columns is missing');
  if ((number('SamplesPerPixel') ?? 1) !== 1) throw unsupported('colour images are not read');
  if (bitsAllocated !== 8 && bitsAllocated !== 16)
    throw unsupported(`${bitsAllocated ?? 'unknown'} bits allocated: only 8 and 16 are read`);
  if (photometricInterpretation !== 'MONOCHROME1' && photometricInterpretation !== 'MONOCHROME2')
    throw unsupported(`photometric interpretation ${photometricInterpretation} is not read`);
  const bitsStored = number('BitsStored') ?? bitsAllocated;
  const highBit = number('HighBit') ?? bitsStored - 1;
  if (bitsStored < 1 || bitsStored > bitsAllocated || highBit >= bitsAllocated || highBit < bitsStored - 1)
    throw unsupported(
      `BitsStored ${bitsStored} and HighBit ${highBit} contradict BitsAllocated ${bitsAllocated}`,
    );
  return {
    rows,
    columns,
    frames: Math.max(1, number('NumberOfFrames') ?? 1),
    bitsAllocated,
    bitsStored,
    highBit,
    isSigned: number('PixelRepresentation') === 1,
    photometricInterpretation,
  };
}

function nativeFrames(
  { dataSet, encoding }: Part10,
  format: PixelFormat,
  element: { offset: number; length: number; vr: string },
): readonly StoredPixels[] {
  const frameBytes = (format.rows * format.columns * format.bitsAllocated) / 8;
  const available = Math.min(element.length, dataSet.bytes.length - element.offset);
  if (available < frameBytes * format.frames)
    throw unsupported(`pixel data ends after ${available} of ${frameBytes * format.frames} bytes`);
  return Array.from({ length: format.frames }, (_, i) => {
    const start = element.offset + i * frameBytes;
    // A copy, which a Buffer's own slice is not: the frame is turned below, not the file it came from.
    const bytes = new Uint8Array(dataSet.bytes.subarray(start, start + frameBytes));
    // Big Endian swaps words, and 8-bit pixels two to a word where they are written as OW (PS3.5 8.1.1).
    if (encoding.bigEndian && (format.bitsAllocated === 16 || element.vr === 'OW'))
      Buffer.from(bytes.buffer).swap16();
    return readValues(bytes, format);
  });
}

/** Bytes, little endian, to values: moved down from HighBit, cut to BitsStored, sign extended. */
function readValues(bytes: Uint8Array, format: PixelFormat): StoredPixels {
  const { bitsAllocated, bitsStored, highBit, isSigned } = format;
  const count = format.rows * format.columns;
  if (bytes.byteLength < (count * bitsAllocated) / 8) throw unsupported('a frame is too short');
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  const Values = { 8: isSigned ? Int8Array : Uint8Array, 16: isSigned ? Int16Array : Uint16Array }[
    bitsAllocated
  ];
  const values = new Values(aligned.buffer as ArrayBuffer, aligned.byteOffset, count);
  if (bitsStored === bitsAllocated) return values;
  const up = 31 - highBit;
  const down = 32 - bitsStored;
  if (isSigned) for (let i = 0; i < count; i++) values[i] = (values[i]! << up) >> down;
  else for (let i = 0; i < count; i++) values[i] = (values[i]! << up) >>> down;
  return values;
}

function decodeOne(decoder: Decoder, encoded: Uint8Array, format: PixelFormat): Uint8Array {
  const context = new codecs.Context({
    width: format.columns,
    height: format.rows,
    bitsAllocated: format.bitsAllocated,
    bitsStored: format.bitsStored,
    samplesPerPixel: 1,
    pixelRepresentation: format.isSigned ? 1 : 0,
    planarConfiguration: 0,
    photometricInterpretation: format.photometricInterpretation,
    encodedBuffer: encoded,
  });
  const decoded = codecs.NativeCodecs[decoder](context).getDecodedBuffer();
  if (!decoded) throw unsupported('the codec returned nothing');
  // A copy: the codec's memory is used again for the next frame.
  return decoded.slice();
}

/** One byte string per frame out of the fragments (PS3.5 A.4): the offset table where frames have several. */
function encodedFrames(dataSet: DataSet, offset: number, frames: number): readonly Uint8Array[] {
  const [table, ...fragments] = dataSet.fragments(offset);
  if (!table || fragments.length === 0) throw unsupported('encapsulated pixel data without fragments');
  const bytes = fragments.map(({ bytes }) => bytes);
  if (frames === 1) return [Buffer.concat(bytes)];
  if (fragments.length === frames) return bytes;
  const offsets = new DataView(table.bytes.buffer, table.bytes.byteOffset, table.bytes.byteLength);
  if (table.bytes.byteLength !== 4 * frames)
    throw unsupported(`${fragments.length} fragments for ${frames} frames, and no offset table to sort them`);
  const first = fragments[0]!.at;
  const starts = Array.from({ length: frames }, (_, i) => first + offsets.getUint32(4 * i, true));
  return starts.map((start, i) => {
    const end = starts[i + 1] ?? Number.POSITIVE_INFINITY;
    return Buffer.concat(
      fragments.filter(({ at }) => at >= start && at < end).map((fragment) => fragment.bytes),
    );
  });
}

function unsupported(message: string, cause?: unknown): CalcidiscError {
  return new CalcidiscError('PIXELS_UNSUPPORTED', message, {}, cause === undefined ? {} : { cause });
}
