import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { patientToIndex } from '../../agent/dicom/geometry.js';
import { type Locator, openLocator } from '../../agent/locate/pool.js';
import { readSeries } from '../../agent/locate/series.js';
import type { CtResult, Located } from '../../agent/locate/types.js';
import { parseConfig } from '../../config/load.js';
import { type PhantomTruth, writePhantom } from '../../models/phantom/phantom.js';
import { type Drawn, drawnOf, type Encoding, writeEnhanced, writeSingles } from '../support/encoded.js';

/** The phantom is stored in sixteenths of a HU: what it says is the truth to a thirty-second. */
const FINE = 1 / 16;
/** Below this is air, which some of the encodings cannot hold. */
const AIR_HU = -900;

const varying = (index: number) => ({
  slope: [0.5, 0.25, 1][index % 3]!,
  intercept: -1024 - 8 * (index % 5),
});
const WHOLE: Encoding = { slope: 1, intercept: -1024 };
/** All of these hold whole HU exactly. */
const ENCODINGS: Readonly<Record<string, Encoding>> = {
  'slope 1, unsigned, 16 bits': { slope: 1, intercept: -1024 },
  'slope 1, unsigned, 12 bits': { slope: 1, intercept: -1024, bitsStored: 12 },
  'slope 1, signed, 16 bits': { slope: 1, intercept: 0, signed: true },
  'slope 1, signed, 12 bits': { slope: 1, intercept: 0, signed: true, bitsStored: 12 },
  'slope 0.5, intercept -1000': { slope: 0.5, intercept: -1000 },
  'slope 0.25, signed, intercept 100': { slope: 0.25, intercept: 100, signed: true },
  'another rescale in every slice': { slope: 1, intercept: 0, rescaleOf: varying },
  'implicit VR': { slope: 1, intercept: -1024, transferSyntaxUid: '1.2.840.10008.1.2' },
  'big endian, signed': { slope: 1, intercept: 0, signed: true, transferSyntaxUid: '1.2.840.10008.1.2.2' },
};

/** Files, parsing, decoding, locating, measuring: the units that come out are those that were drawn. */
describe('Hounsfield units through the whole path', function () {
  this.timeout(300_000);
  let folder: string;
  let locator: Locator;
  let truth: PhantomTruth;
  let fine: Located<CtResult>;
  let drawn: readonly Drawn[];
  /** The same in whole HU. */
  let whole: readonly Drawn[];
  let expected: Located<CtResult>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'calcidisc-hu-'));
    truth = await writePhantom({
      outDir: folder,
      seed: 31,
      calcified: ['L3-L4', 'L5-S1'],
      mr: { slices: 3, matrix: 128 },
      ct: { spacingMm: 1, sliceMm: 1.5, fieldOfViewMm: 150, slope: FINE, intercept: -1024 },
    });
    const files = await filesOf('ct');
    drawn = (await readSeries(files)).images.map(drawnOf);
    locator = await openLocator(parseConfig({}), pino({ level: 'silent' }));
    fine = await locator.measureCt(files);
    whole = drawn.map(({ plane, values }) => ({ plane, values: values.map(Math.round) }));
    expected = await locator.measureCt(
      await writeSingles(await newFolder(), 'CT', whole, { slope: FINE, intercept: -1024 }),
    );
  });
  after(async () => {
    await locator?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  async function filesOf(name: string): Promise<string[]> {
    return (await readdir(join(folder, name))).sort().map((file) => join(folder, name, file));
  }

  let count = 0;
  async function newFolder(): Promise<string> {
    const path = join(folder, `encoded-${count++}`);
    await mkdir(path);
    return path;
  }

  /** The largest difference of any voxel of any tissue. */
  async function largestError(files: readonly string[], truly: readonly Drawn[]): Promise<number> {
    const { images } = await readSeries(files);
    assert.equal(images.length, truly.length);
    let largest = 0;
    for (const { plane, stored, slope, intercept } of images) {
      const own = truly.find((one) => Math.abs(one.plane.origin[2] - plane.origin[2]) < 1e-3)!;
      // Twelve signed bits end at 2047.
      for (const [i, value] of own.values.entries())
        if (value > AIR_HU && value < 2047)
          largest = Math.max(largest, Math.abs(stored[i]! * slope + intercept - value));
    }
    return largest;
  }

  async function assertExact(files: readonly string[]): Promise<void> {
    assert.equal(await largestError(files, whole), 0);
    assert.deepEqual((await locator.measureCt(files)).result.discs, expected.result.discs);
  }

  it('labels as drawn, and has the voxel at each disc’s middle to half a stored step', async () => {
    const { images } = await readSeries(await filesOf('ct'));
    for (const { level, label } of fine.result.discs) {
      const { calcified, voxel, centrePatientMm } = truth.ct.discs[level];
      assert.equal(label, calcified ? 'calcified' : 'not-calcified', level);
      const image = images.find(({ sopInstanceUid }) => sopInstanceUid === voxel!.sopInstanceUid)!;
      const [col, row] = patientToIndex(image.plane, centrePatientMm).map(Math.round) as [number, number];
      assert.deepEqual([col, row], voxel!.pixel);
      const hu = image.stored[row * image.plane.columns + col]! * image.slope + image.intercept;
      assert.ok(Math.abs(hu - voxel!.hu) <= FINE / 2 + 1e-3, `${level}: ${hu}, drawn ${voxel!.hu}`);
    }
  });

  it('measures a calcification as large as it was drawn, blurred at its edge', () => {
    for (const disc of fine.result.discs.filter(({ label }) => label === 'calcified')) {
      const { meanHu, volumeMm3 } = truth.ct.discs[disc.level];
      const at = `${disc.level}: ${disc.meanHu} HU and ${disc.volumeMm3} mm3, drawn ${meanHu} and ${volumeMm3}`;
      assert.ok(disc.meanHu! > 120.1 && disc.meanHu! < meanHu && disc.maxHu! > meanHu, at);
      assert.ok(disc.volumeMm3 / volumeMm3 > 0.5 && disc.volumeMm3 / volumeMm3 < 1.6, at);
      assert.ok(disc.maxHu! <= 383.7, at);
    }
  });

  for (const [name, encoding] of Object.entries(ENCODINGS))
    it(`exact: ${name}`, async () => {
      await assertExact(await writeSingles(await newFolder(), 'CT', whole, encoding));
    });

  it('exact: an enhanced multi-frame CT, frames out of order, each with its own rescale', async () => {
    const shuffled = whole.map((_, i) => whole[(i * 7919) % whole.length]!);
    assert.equal(new Set(shuffled).size, whole.length);
    const encoding = { slope: 1, intercept: 0, rescaleOf: varying };
    await assertExact([await writeEnhanced(join(await newFolder(), '1.dcm'), 'CT', shuffled, encoding)]);
  });

  it('to half a step where the slope does not hold the values: ±0.5 HU and better', async () => {
    const files = await writeSingles(await newFolder(), 'CT', drawn, { slope: 0.9, intercept: -1001.3 });
    assert.ok((await largestError(files, drawn)) <= 0.45 + 1e-3);
    const { result } = await locator.measureCt(files);
    for (const [i, disc] of result.discs.entries()) {
      const own = fine.result.discs[i]!;
      assert.deepEqual([disc.level, disc.label], [own.level, own.label]);
      assert.ok(Math.abs(disc.maxHu! - own.maxHu!) <= 0.5, `${disc.level} max ${disc.maxHu}, ${own.maxHu}`);
      // Which voxels are in the range is itself a matter of half a step where there is calcification.
      const limit = disc.label === 'calcified' ? 1 : 0.5;
      assert.ok(Math.abs(disc.meanHu! - own.meanHu!) <= limit, `${disc.level} mean ${disc.meanHu}`);
    }
  });

  for (const [name, broken, pattern] of [
    ['no slope', { RescaleSlope: '' }, /no rescale/],
    ['no intercept', { RescaleIntercept: '' }, /no rescale/],
    ['a slope of zero', { RescaleSlope: '0' }, /no rescale/],
    ['no number for a slope', { RescaleSlope: 'one' }, /no rescale/],
    ['RescaleType OD', { RescaleType: 'OD' }, /rescaled to OD, not to HU/],
    ['RescaleType MGML', { RescaleType: 'MGML' }, /rescaled to MGML, not to HU/],
  ] as const) {
    it(`measures nothing on a CT that has ${name}, and says so`, async () => {
      const files = await writeSingles(await newFolder(), 'CT', whole, WHOLE, () => broken);
      const { result } = await locator.measureCt(files);
      assert.deepEqual([result.status, result.discs], ['not-found', []]);
      assert.match(result.facts.notHounsfield ?? '', pattern);
      assert.match(result.reasons[0]!, pattern);
    });

    it(`leaves one slice out that has ${name}, and says so`, async () => {
      const more = (index: number) => (index === whole.length - 1 ? broken : {});
      const { result } = await locator.measureCt(
        await writeSingles(await newFolder(), 'CT', whole, WHOLE, more),
      );
      assert.equal(result.facts.images, whole.length - 1);
      assert.equal(result.facts.notHounsfield, null);
      assert.ok(
        result.reasons.some((reason) => /left out/.test(reason) && pattern.test(reason)),
        result.reasons.join(),
      );
    });
  }

  it('leaves the frame of an enhanced CT out that has no rescale: a gap, not an assumption', async () => {
    const path = join(await newFolder(), '1.dcm');
    await writeEnhanced(path, 'CT', whole, WHOLE, (index) =>
      index === 20 ? { PixelValueTransformationSequence: [{ RescaleSlope: '1' }] } : {},
    );
    const { result } = await locator.measureCt([path]);
    assert.deepEqual(result.discs, []);
    assert.ok(
      result.reasons.some((reason) => /no rescale/.test(reason)),
      result.reasons.join(),
    );
  });

  it('takes an absent RescaleType for HU, as PS3.3 C.8.2.1 means it', async () => {
    const encoding = { slope: 1, intercept: -1024 };
    const noType = () => ({ RescaleType: '' });
    const files = await writeSingles(await newFolder(), 'CT', whole, encoding, noType);
    assert.equal(await largestError(files, whole), 0);
  });
});
