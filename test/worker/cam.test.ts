import assert from 'node:assert/strict';
import sharp from 'sharp';
import { decodeCam, encodeCam, renderCam } from '../../worker/cam.js';

describe('a class activation map', () => {
  it('comes back from its bytes', () => {
    const cam = Float32Array.from({ length: 49 }, (_, i) => Math.fround(Math.sin(i) * 3));
    const bytes = encodeCam(cam);
    assert.equal(bytes.length, 196);
    assert.equal(bytes.readFloatLE(4), cam[1]);
    assert.deepEqual(decodeCam(bytes), cam);
  });

  it('is drawn strongest where the map is highest and not at all where it speaks against', async () => {
    const cam = new Float32Array(49).fill(-1);
    cam[2 * 7 + 5] = 4;
    const { data, info } = await sharp(await renderCam(cam))
      .raw()
      .toBuffer({ resolveWithObject: true });
    assert.deepEqual([info.width, info.height, info.channels], [224, 224, 4]);
    const alphaAt = (row: number, col: number) => data[(row * 224 + col) * 4 + 3]!;
    assert.ok(alphaAt(80, 176) > 150);
    assert.equal(alphaAt(200, 20), 0);
    assert.equal(alphaAt(80, 60), 0);
  });

  it('draws nothing for a map without any evidence', async () => {
    const { data } = await sharp(await renderCam(new Float32Array(49)))
      .raw()
      .toBuffer({ resolveWithObject: true });
    assert.ok(data.every((value, i) => i % 4 !== 3 || value === 0));
  });
});
