import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { LEVEL_CLASSES, outputsOf, readOutputs } from '../../agent/locate/logits.js';
import { type Marked, Network } from '../../agent/locate/network.js';
import { sagittalOf } from '../../agent/locate/sagittal.js';
import { sagittalStack } from '../../agent/locate/sagittalStack.js';
import { readSeries } from '../../agent/locate/series.js';
import { projectRoot } from '../../config/root.js';
import { compareVersions } from '../../models/catalogue/card.js';
import { readModel } from '../../models/catalogue/localiser.js';
import { writePhantom } from '../../models/phantom/phantom.js';

const ALL = 4 + LEVEL_CLASSES;

describe('what the localiser puts out', () => {
  it('is read the same, a float a pixel or its bytes in quarters', () => {
    const [batch, height, width] = [2, 4, 6];
    const marks = { scale: 0.25, zero: 100 };
    const byteOf = (n: number, k: number, row: number, column: number) =>
      Math.round(128 + Math.sin(1 + n * 900 + k * 71 + row * 13 + column * 5) * 90);
    const value = (...at: Parameters<typeof byteOf>) => (byteOf(...at) - marks.zero) * marks.scale;
    const filled = (channels: number, from: number) => {
      const data = new Float32Array(batch * channels * height * width);
      let at = 0;
      for (let n = 0; n < batch; n++)
        for (let k = 0; k < channels; k++)
          for (let row = 0; row < height; row++)
            for (let column = 0; column < width; column++) data[at++] = value(n, from + k, row, column);
      return new Tensor('float32', data, [batch, channels, height, width]);
    };
    const bytes = new Uint8Array(batch * ALL * height * width);
    let at = 0;
    for (let n = 0; n < batch; n++)
      for (let channel = 0; channel < 4 * ALL; channel++)
        for (let row = 0; row < height / 2; row++)
          for (let column = 0; column < width / 2; column++) {
            const [k, down, right] = [channel >> 2, (channel >> 1) & 1, channel & 1];
            bytes[at++] = byteOf(n, k, 2 * row + down, 2 * column + right);
          }
    const plain = { tissue: filled(4, 0), level: filled(LEVEL_CLASSES, 4) };
    const quarters = { marks: new Tensor('uint8', bytes, [batch, 4 * ALL, height / 2, width / 2]) };
    for (let n = 0; n < batch; n++) {
      const one = readOutputs(outputsOf(plain, undefined, n, height, width), 3, 5);
      const other = readOutputs(outputsOf(quarters, marks, n, height, width), 3, 5);
      assert.deepEqual(other.tissue, one.tissue);
      assert.ok(one.tissue.includes(3));
      const levels = [one, other].map(() => new Float64Array(LEVEL_CLASSES)) as [Float64Array, Float64Array];
      for (let row = 0; row < 3; row++)
        for (let column = 0; column < 5; column++) {
          one.levelsAt(row, column, levels[0]);
          other.levelsAt(row, column, levels[1]);
          assert.deepEqual(
            [...levels[0]],
            [...levels[0].keys()].map((k) => value(n, 4 + k, row, column)),
          );
          assert.deepEqual(levels[1], levels[0]);
          assert.equal(other.discShareAt(row, column), one.discShareAt(row, column));
        }
    }
  });
});

describe('the localiser in eight-bit integers', function () {
  this.timeout(120_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'calcidisc-eight-bits-'));
    await writePhantom({ outDir: folder, seed: 11, mr: { slices: 3, matrix: 256 }, ct: { sliceMm: 6 } });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const likeliestLevel = ({ levelsAt, columns }: Marked, at: number) => {
    const logits = new Float64Array(LEVEL_CLASSES);
    levelsAt(Math.floor(at / columns), at % columns, logits);
    return logits.indexOf(Math.max(...logits));
  };

  it('says of every tissue and of the levels on and about discs what the weights it was made of say', async () => {
    const versions = join(projectRoot, 'models', 'localiser');
    const newest = join(versions, (await readdir(versions)).toSorted(compareVersions).at(-1)!);
    const { arithmetic } = JSON.parse(await readFile(join(newest, 'card.json'), 'utf8'));
    const networks = await Promise.all(
      [join(versions, arithmetic.weightsOf), newest].map((each) => Network.open(readModel(each))),
    );
    const files = (await readdir(join(folder, 'mr'))).map((name) => join(folder, 'mr', name));
    const stack = sagittalStack(await readSeries(files));
    assert.ok(typeof stack !== 'string');
    const images = stack.slices.map((slice) => {
      const image = sagittalOf(slice);
      return { ...image, spacingMm: image.plane.spacingMm };
    });
    const [float, integer] = await Promise.all(networks.map((network) => network.mark(images, 'MR')));
    await Promise.all(networks.map((network) => network.close()));
    for (const [i, one] of float!.entries()) {
      const other = integer![i]!;
      const pixels = [...one.tissue.keys()];
      const share = (of: readonly number[], isSame: (at: number) => boolean) =>
        of.filter(isSame).length / of.length;
      assert.ok(share(pixels, (at) => one.tissue[at] === other.tissue[at]) > 0.99, `tissue of slice ${i}`);
      const background = pixels.filter((at) => one.tissue[at] === 0);
      for (const of of [pixels.filter((at) => one.tissue[at] === 3), background])
        assert.ok(
          share(of, (at) => likeliestLevel(one, at) === likeliestLevel(other, at)) > 0.95,
          `levels, ${i}`,
        );
    }
  });
});
