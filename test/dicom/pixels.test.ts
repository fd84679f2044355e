import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePart10 } from '../../agent/dicom/parse.js';
import { decodeFrames } from '../../agent/dicom/pixels.js';
import { needsPeer } from '../support/peers.js';
import { type Elements, type Part10Options, writePart10 } from './writePart10.js';

const CT: Elements = {
  SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
  SOPInstanceUID: '2.25.21',
  StudyInstanceUID: '2.25.22',
  SeriesInstanceUID: '2.25.23',
  Modality: 'CT',
  SamplesPerPixel: [1],
  PhotometricInterpretation: 'MONOCHROME2',
  Rows: [8],
  Columns: [6],
  BitsAllocated: [16],
  BitsStored: [12],
  HighBit: [11],
  PixelRepresentation: [0],
};

const COUNT = 48;
const ramp = Uint16Array.from({ length: COUNT }, (_, i) => (i * 89) % 4096);
const decode = async (elements: Elements, options: Part10Options) =>
  decodeFrames(parsePart10(writePart10({ ...CT, ...elements }, options)));
const bytes = (values: ArrayBufferView) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

describe('pixels', () => {
  for (const transferSyntaxUid of ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.1.99']) {
    it(`reads native pixels, ${transferSyntaxUid}`, async () => {
      const [frame] = await decode({}, { transferSyntaxUid, pixelData: bytes(ramp) });
      assert.deepEqual([...frame!], [...ramp]);
    });
  }

  it('reads Explicit VR Big Endian', async () => {
    const swapped = Buffer.from(bytes(ramp.slice())).swap16();
    const [frame] = await decode({}, { transferSyntaxUid: '1.2.840.10008.1.2.2', pixelData: swapped });
    assert.deepEqual([...frame!], [...ramp]);
  });

  it('leaves the file as it was: both frames of a Big Endian object, twice', async () => {
    const swapped = Buffer.from(
      bytes(Uint16Array.from([...ramp, ...ramp].map((value, i) => value + (i % 2)))),
    ).swap16();
    const file = Buffer.from(
      writePart10(
        { ...CT, NumberOfFrames: '2' },
        { transferSyntaxUid: '1.2.840.10008.1.2.2', pixelData: swapped },
      ),
    );
    const before = Buffer.from(new Uint8Array(file));
    const part10 = parsePart10(file);
    const [first, second] = (await decodeFrames(part10)).map((frame) => [...frame]);
    assert.deepEqual(first, second);
    assert.deepEqual(
      (await decodeFrames(part10)).map((frame) => [...frame]),
      [first, second],
    );
    assert.ok(file.equals(before));
  });

  it('extends the sign from BitsStored, and ignores what stands above it', async () => {
    const signed = Int16Array.from({ length: COUNT }, (_, i) => i * 50 - 1024);
    const stored = Uint16Array.from(signed, (value) => (value & 0x0fff) | 0xa000);
    const [frame] = await decode({ PixelRepresentation: [1] }, { pixelData: bytes(stored) });
    assert.deepEqual([...frame!], [...signed]);
    const [unsigned] = await decode({}, { pixelData: bytes(ramp.map((value) => value | 0xf000)) });
    assert.deepEqual([...unsigned!], [...ramp]);
  });

  it('moves down values that end at a high bit above BitsStored', async () => {
    const [frame] = await decode({ HighBit: [15] }, { pixelData: bytes(ramp.map((value) => value << 4)) });
    assert.deepEqual([...frame!], [...ramp]);
  });

  it('reads 8-bit pixels and several frames', async () => {
    const two = Uint8Array.from({ length: 2 * COUNT }, (_, i) => i);
    const frames = await decode(
      { BitsAllocated: [8], BitsStored: [8], HighBit: [7], NumberOfFrames: '2' },
      { pixelData: two },
    );
    assert.deepEqual(
      frames.map((frame) => frame[0]),
      [0, COUNT],
    );
  });

  for (const [what, elements, pixelData, pattern] of [
    ['colour', { SamplesPerPixel: [3] }, bytes(ramp), /colour/],
    ['palette', { PhotometricInterpretation: 'PALETTE COLOR' }, bytes(ramp), /PALETTE COLOR/],
    ['32 bits', { BitsAllocated: [32] }, bytes(ramp), /32 bits/],
    ['a high bit below BitsStored', { HighBit: [4] }, bytes(ramp), /contradict/],
    ['pixel data cut short', {}, bytes(ramp).slice(0, 50), /ends after 50 of 96/],
    ['no pixel data', {}, undefined, /no pixel data/],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const options = pixelData ? { pixelData } : {};
      await assert.rejects(decode(elements as Elements, options), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'PIXELS_UNSUPPORTED');
        assert.match(error.message, pattern);
        return true;
      });
    });
  }

  it('refuses a compressed frame that is garbage', async () => {
    const options = { transferSyntaxUid: '1.2.840.10008.1.2.4.90', fragments: [new Uint8Array(40)] };
    await assert.rejects(decode({}, options), { code: 'PIXELS_UNSUPPORTED' });
  });

  describe('as DCMTK compresses them', () => {
    let folder: string;
    before(async function () {
      needsPeer(this, 'dcmtk');
      folder = await mkdtemp(join(tmpdir(), 'calcidisc-pixels-'));
    });
    after(async () => {
      if (folder) await rm(folder, { recursive: true });
    });
    for (const [name, program, args] of [
      ['RLE', 'dcmcrle', []],
      ['JPEG-LS lossless', 'dcmcjpls', ['+el']],
      ['JPEG lossless, first order', 'dcmcjpeg', ['+e1']],
      ['JPEG lossless, process 14', 'dcmcjpeg', ['+el', '+sv', '4']],
    ] as const)
      for (const isSigned of [false, true])
        it(`${name}, ${isSigned ? 'signed' : 'unsigned'}`, async () => {
          const side = 64;
          const values = Int16Array.from(
            { length: side * side },
            (_, i) => ((i * 37) % 3000) - (isSigned ? 1024 : 0),
          );
          const plain = join(folder, 'plain.dcm');
          const packed = join(folder, `${program}-${isSigned}.dcm`);
          const elements: Elements = {
            ...CT,
            Rows: [side],
            Columns: [side],
            BitsStored: [16],
            HighBit: [15],
            PixelRepresentation: [isSigned ? 1 : 0],
          };
          await writeFile(plain, writePart10(elements, { pixelData: bytes(values) }));
          const { status, stderr } = spawnSync(program, [...args, plain, packed], { encoding: 'utf8' });
          assert.equal(status, 0, stderr);
          const [frame] = await decodeFrames(parsePart10(await readFile(packed)));
          assert.deepEqual([...frame!.slice(0, 200)], [...values.slice(0, 200)]);
          assert.deepEqual(bytes(frame!), bytes(values));
        });
  });
});
