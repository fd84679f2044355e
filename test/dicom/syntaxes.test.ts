import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import codecs from 'dcmjs-codecs';
import { parsePart10 } from '../../agent/dicom/parse.js';
import { decodeFrames, type StoredPixels } from '../../agent/dicom/pixels.js';
import {
  TRANSFER_SYNTAXES,
  type TransferSyntax,
  type TransferSyntaxKeyword,
} from '../../agent/dicom/transferSyntaxes.js';
import { needsPeer } from '../support/peers.js';
import { type Elements, type Part10Options, writePart10 } from './writePart10.js';

const SIDE = 96;
const COUNT = SIDE * SIDE;

type Encoder = (context: codecs.Context) => codecs.Context;

/** How a frame is compressed for each encapsulated syntax that may be negotiated. */
const ENCODERS: Partial<Record<TransferSyntaxKeyword, Encoder>> = {
  jpegLsLossless: (frame) => codecs.NativeCodecs.encodeJpegLs(frame),
  jpegLsNearLossless: (frame) =>
    codecs.NativeCodecs.encodeJpegLs(frame, { lossy: true, allowedLossyError: 2 }),
  jpeg2000Lossless: (frame) => codecs.NativeCodecs.encodeJpeg2000(frame),
  jpeg2000: (frame) => codecs.NativeCodecs.encodeJpeg2000(frame, { lossy: true, rate: 4 }),
  jpegLosslessFirstOrder: (frame) => codecs.NativeCodecs.encodeJpeg(frame, { lossy: false }),
  jpegLossless: (frame) => codecs.NativeCodecs.encodeJpeg(frame, { lossy: false }),
  rleLossless: (frame) => codecs.NativeCodecs.encodeRle(frame),
  htj2kLossless: (frame) => codecs.NativeCodecs.encodeHtJpeg2000(frame),
  htj2kLosslessRpcl: (frame) => codecs.NativeCodecs.encodeHtJpeg2000(frame, { progressionOrder: 2 }),
  htj2k: (frame) => codecs.NativeCodecs.encodeHtJpeg2000(frame, { lossy: true }),
};

/** How far a lossy value may be off: JPEG-LS says how far itself (NEAR), the others are held to a hundredth. */
const MOST_OFF: Partial<Record<TransferSyntaxKeyword, number>> = { jpegLsNearLossless: 2 };

const FORMATS = [
  { what: '16 bits, signed (CT in Hounsfield units)', bitsStored: 16, isSigned: true },
  { what: '12 bits, unsigned (MR)', bitsStored: 12, isSigned: false },
  { what: '12 bits, signed', bitsStored: 12, isSigned: true },
] as const;

describe('every transfer syntax that is accepted decodes for locating', () => {
  before(async () => {
    if (!codecs.NativeCodecs.isInitialized()) await codecs.NativeCodecs.initializeAsync();
  });

  for (const [keyword, syntax] of Object.entries(TRANSFER_SYNTAXES) as [
    TransferSyntaxKeyword,
    TransferSyntax,
  ][])
    for (const format of FORMATS)
      it(`${syntax.name}, ${format.what}`, async () => {
        const values = picture(format);
        const decoded = await decodeFrames(parsePart10(fileOf(keyword, syntax, values, format)));
        assert.equal(decoded.length, 1);
        const off = worst(decoded[0]!, values);
        if (!syntax.isLossy) assert.equal(off, 0);
        else assert.ok(off > 0 && off <= (MOST_OFF[keyword] ?? spanOf(format) / 100), `off by up to ${off}`);
      });

  it('and every row of the table is tried: an encapsulated one without an encoder would be a hole', () => {
    for (const [keyword, { isEncapsulated }] of Object.entries(TRANSFER_SYNTAXES))
      assert.equal(keyword in ENCODERS, isEncapsulated, keyword);
  });
});

/** Debian's python3-pydicom: one MR in several syntaxes, each by another maker's encoder. */
const PYDICOM = '/usr/lib/python3/dist-packages/pydicom/data/test_files';
const SAME_MR = [
  'MR_small_RLE.dcm',
  'MR_small_bigendian.dcm',
  'MR_small_implicit.dcm',
  'MR_small_expb.dcm',
  'MR_small_jp2klossless.dcm',
  'MR_small_jpeg_ls_lossless.dcm',
];

describe('one MR in several syntaxes, as others have encoded it', () => {
  for (const name of SAME_MR)
    it(`${name} has the pixels of MR_small.dcm`, async function () {
      needsPeer(this, 'python');
      const read = (file: string) => decodeFrames(parsePart10(readFileSync(join(PYDICOM, file))));
      const [[plain], [other]] = [await read('MR_small.dcm'), await read(name)];
      assert.equal(plain!.length, 64 * 64);
      assert.deepEqual(other, plain);
    });
});

type Format = (typeof FORMATS)[number];

function spanOf({ bitsStored }: Format): number {
  return 2 ** Math.min(bitsStored, 12);
}

/** Soft shapes, an edge and a little noise, over the range of the format; 16 bits hold a CT's -1024 to 3071. */
function picture(format: Format): Int16Array {
  const span = spanOf(format);
  const low = format.isSigned ? (format.bitsStored === 16 ? -1024 : -span / 2) : 0;
  return Int16Array.from({ length: COUNT }, (_, i) => {
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
    const shape = 0.5 + 0.35 * Math.sin(x / 9) * Math.cos(y / 13) + (x > 60 && y > 30 && y < 50 ? 0.1 : 0);
    return low + Math.min(span - 1, Math.max(0, Math.round(shape * span) + ((i * 7919) % 5) - 2));
  });
}

function fileOf(
  keyword: TransferSyntaxKeyword,
  { uid: transferSyntaxUid, isLittleEndian }: TransferSyntax,
  values: Int16Array,
  { bitsStored, isSigned }: Format,
): Uint8Array {
  const elements: Elements = {
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.4',
    SOPInstanceUID: '2.25.21',
    SamplesPerPixel: [1],
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: [SIDE],
    Columns: [SIDE],
    BitsAllocated: [16],
    BitsStored: [bitsStored],
    HighBit: [bitsStored - 1],
    PixelRepresentation: [isSigned ? 1 : 0],
  };
  const bytes = new Uint8Array(values.slice().buffer);
  const encode = ENCODERS[keyword];
  const options: Part10Options = encode
    ? { fragments: [encoded(encode, bytes, bitsStored, isSigned)] }
    : { pixelData: isLittleEndian ? bytes : Buffer.from(bytes).swap16() };
  return writePart10(elements, { transferSyntaxUid, ...options });
}

function encoded(encode: Encoder, bytes: Uint8Array, bitsStored: number, isSigned: boolean): Uint8Array {
  const context = new codecs.Context({
    width: SIDE,
    height: SIDE,
    bitsAllocated: 16,
    bitsStored,
    samplesPerPixel: 1,
    pixelRepresentation: isSigned ? 1 : 0,
    planarConfiguration: 0,
    photometricInterpretation: 'MONOCHROME2',
    decodedBuffer: bytes,
  });
  return encode(context).getEncodedBuffer()!.slice();
}

function worst(a: StoredPixels, b: Int16Array): number {
  assert.equal(a.length, b.length);
  return b.reduce((most, value, i) => Math.max(most, Math.abs(value - a[i]!)), 0);
}
