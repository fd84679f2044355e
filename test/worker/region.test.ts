import assert from 'node:assert/strict';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { sha256 } from '../../agent/domain/hash.js';
import { REGION_PIXELS } from '../../agent/domain/regionPicture.js';
import { decodeRegion, openRegion } from '../../worker/region.js';
import { createNormaliser } from '../../worker/tensor.js';
import { greyRegion, pngOf } from './regions.js';

const invalid = (message: RegExp) => ({ code: 'REGION_INVALID', message });

/** Every line with another of the five filters, in several IDAT chunks. */
function filtered(grey: Uint8Array): Buffer {
  const lines: number[] = [];
  const at = (row: number, col: number) => (row < 0 || col < 0 ? 0 : grey[row * 224 + col]!);
  for (let row = 0; row < 224; row++) {
    lines.push(row % 5);
    for (let col = 0; col < 224; col++) {
      const [left, up, corner] = [at(row, col - 1), at(row - 1, col), at(row - 1, col - 1)];
      const p = left + up - corner;
      const nearest = [left, up, corner].reduce((a, b) => (Math.abs(p - b) < Math.abs(p - a) ? b : a));
      const predicted = [0, left, up, (left + up) >> 1, nearest][row % 5]!;
      lines.push((at(row, col) - predicted) & 255);
    }
  }
  const data = deflateSync(Uint8Array.from(lines));
  const chunk = (type: string, bytes: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), bytes]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(bytes.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const header = Buffer.from([0, 0, 0, 224, 0, 0, 0, 224, 8, 0, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', data.subarray(0, 1000)),
    chunk('IDAT', data.subarray(1000)),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

/** Node 20.19 has none in zlib. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

describe('a stored region', () => {
  const grey = greyRegion(1);

  it('is decoded to exactly the grey values that were stored', async () => {
    assert.deepEqual(await decodeRegion(await pngOf(grey)), grey);
  });

  it('may hold its grey as three equal channels', async () => {
    const png = await sharp(grey, { raw: { width: 224, height: 224, channels: 1 } })
      .toColourspace('srgb')
      .png()
      .toBuffer();
    assert.deepEqual(await decodeRegion(png), grey);
  });

  it('is decoded alike by us and by sharp, whatever filters and chunks its writer chose', async () => {
    const image = () => sharp(grey, { raw: { width: 224, height: 224, channels: 1 } }).toColourspace('b-w');
    const written = [
      image().png({ compressionLevel: 0 }),
      image().png({ adaptiveFiltering: true, compressionLevel: 9 }),
      image().png({ progressive: true }),
    ];
    for (const each of written) assert.deepEqual(await decodeRegion(await each.toBuffer()), grey);
    assert.deepEqual(await decodeRegion(filtered(grey)), grey);
  });

  it('is refused with its size when that is another', async () => {
    const png = await pngOf(new Uint8Array(100 * 50), 100, 50);
    await assert.rejects(decodeRegion(png), invalid(/it is 100 by 50/));
  });

  it('is refused when it is in colour', async () => {
    const background = { r: 200, g: 10, b: 10 };
    const png = await sharp({ create: { width: 224, height: 224, channels: 3, background } })
      .png()
      .toBuffer();
    await assert.rejects(decodeRegion(png), invalid(/in colour/));
  });

  it('is refused when it is no PNG, is cut short, has 16 bits or an alpha channel', async () => {
    const image = sharp(await pngOf(grey));
    const png = await pngOf(grey);
    await assert.rejects(decodeRegion(Buffer.from('no image')), invalid(/it is no PNG/));
    await assert.rejects(decodeRegion(await image.clone().jpeg().toBuffer()), invalid(/it is no PNG/));
    await assert.rejects(decodeRegion(png.subarray(0, png.length / 2)), invalid(/cannot be decoded/));
    const deep = image.clone().toColourspace('grey16').png();
    await assert.rejects(decodeRegion(await deep.toBuffer()), invalid(/16 bits/));
    await assert.rejects(decodeRegion(await image.clone().ensureAlpha().png().toBuffer()), invalid(/alpha/));
  });

  it('is refused when one byte is not what was recorded', async () => {
    const png = await pngOf(grey);
    const region = { png, pngSha256: sha256(png) };
    assert.deepEqual(await openRegion(region, {}), grey);
    const changed = Uint8Array.from(png);
    changed[changed.length - 20]! ^= 1;
    await assert.rejects(openRegion({ ...region, png: changed }, { level: 'L4-L5' }), {
      code: 'REGION_CORRUPT',
      subject: { level: 'L4-L5' },
    });
  });
});

describe('the tensor of a batch', () => {
  it('is normalised per channel and keeps regions and channels apart', () => {
    const greys = new Uint8Array(2 * REGION_PIXELS);
    greys[0] = 255;
    greys[2 * REGION_PIXELS - 1] = 51;
    const normalise = createNormaliser({ mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] });
    // Whatever an earlier, larger batch left in the memory must be gone.
    normalise(new Uint8Array(3 * REGION_PIXELS).fill(200));
    const tensor = normalise(greys);
    const black = [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225].map(Math.fround);
    assert.equal(tensor.length, 6 * REGION_PIXELS);
    assert.equal(tensor[0], Math.fround((1 - 0.485) / 0.229));
    assert.equal(tensor[2 * REGION_PIXELS], Math.fround((1 - 0.406) / 0.225));
    assert.equal(tensor[1], black[0]);
    assert.equal(tensor[REGION_PIXELS + 1], black[1]);
    assert.equal(tensor[3 * REGION_PIXELS], black[0]);
    assert.equal(tensor[5 * REGION_PIXELS - 1], Math.fround((0.2 - 0.456) / 0.224));
  });
});
