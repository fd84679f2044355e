import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Locator, openLocator } from '../../agent/locate/pool.js';
import { readSeries } from '../../agent/locate/series.js';
import type { CtResult } from '../../agent/locate/types.js';
import { decidePairing } from '../../agent/pair/window.js';
import { parseConfig } from '../../config/load.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import { randomFrom } from '../../models/phantom/random.js';
import { sharpenSlice } from '../../models/phantom/volume.js';
import type { Elements } from '../dicom/writePart10.js';
import { type Drawn, drawnOf, type Encoding, writeSingles } from '../support/encoded.js';

const HU: Encoding = { slope: 1, intercept: -1024 };

/** What scanners and senders make of a CT, drawn: each is read for what it is, and measured or passed over. */
describe('what a CT is, and whether it serves', function () {
  this.timeout(600_000);
  let folder: string;
  let locator: Locator;
  let drawn: readonly Drawn[];
  let myelography: readonly Drawn[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'calcidisc-ct-facts-'));
    locator = await openLocator(parseConfig({}), pino({ level: 'silent' }));
    drawn = await draw('plain', {});
    myelography = await draw('myelo', { contrast: 'intrathecal' });
  });
  after(async () => {
    await locator?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  async function draw(name: string, more: { contrast?: 'intrathecal' }): Promise<readonly Drawn[]> {
    const outDir = join(folder, name);
    await writePhantom({
      outDir,
      seed: 41,
      calcified: ['L4-L5'],
      herniated: [],
      degenerate: [],
      mr: { slices: 3, matrix: 128 },
      ct: { spacingMm: 1, sliceMm: 1.5, fieldOfViewMm: 200, ...more },
    });
    const names = (await readdir(join(outDir, 'ct'))).sort();
    return (await readSeries(names.map((file) => join(outDir, 'ct', file)))).images.map(drawnOf);
  }

  let count = 0;
  async function measure(
    images: readonly Drawn[],
    encoding: Encoding = HU,
    more: (index: number) => Elements = () => ({}),
  ): Promise<CtResult> {
    const path = join(folder, `case-${count++}`);
    await mkdir(path);
    const files = await writeSingles(path, 'CT', images, encoding, more);
    return (await locator.measureCt(files)).result;
  }
  const always = (elements: Elements) => () => elements;

  /** The one that is measured of several CTs of one day, in both orders. */
  function chosenOf(results: Readonly<Record<string, CtResult>>): string {
    const person = {
      patientId: 'P',
      issuerOfPatientId: '',
      patientName: 'A',
      patientBirthDate: null,
      patientSex: '',
    };
    const mr = { ...person, acquisitionDate: '2026-11-02' };
    const candidates = Object.entries(results).map(([seriesInstanceUid, reading]) => ({
      ...mr,
      seriesInstanceUid,
      seriesNumber: 1,
      seriesDescription: '',
      instanceCount: reading.facts.images,
      isContradictory: false,
      decided: null,
      receiving: false,
      reading,
    }));
    const [one, other] = [candidates, candidates.toReversed()].map((all) => decidePairing(mr, all, 28));
    assert.ok(one && other && !one.wait && !other.wait);
    assert.equal(one.ctSeriesInstanceUid, other.ctSeriesInstanceUid);
    return one.ctSeriesInstanceUid ?? one.outcome;
  }

  const labelsOf = ({ discs }: CtResult) =>
    Object.fromEntries(discs.map(({ level, label }) => [level, label]));

  /** A bone kernel: more noise, edges enhanced. */
  function sharpened(images: readonly Drawn[]): readonly Drawn[] {
    const random = randomFrom('sharp', 1);
    return images.map(({ plane, values }) => {
      const own = values.map((hu) => hu + 26 * random.normal());
      sharpenSlice(own, plane.rows, plane.columns, 1.2);
      return { plane, values: own };
    });
  }
  const mapped = (images: readonly Drawn[], hu: (value: number) => number) =>
    images.map(({ plane, values }) => ({ plane, values: values.map(hu) }));

  let plain: CtResult;
  it('a plain one: units, noise, what is calcified', async () => {
    plain = await measure(drawn, HU, always({ ConvolutionKernel: 'Br40d\\3', SliceThickness: '1.5' }));
    const { facts } = plain;
    assert.deepEqual(facts.kernel, { names: ['Br40d'], sharpness: 'soft', judgedBy: 'name' });
    assert.equal(facts.notHounsfield, null);
    assert.equal(facts.contrast, 'not-said');
    assert.ok(facts.noiseHu! > 8 && facts.noiseHu! < 16, String(facts.noiseHu));
    assert.deepEqual([facts.sliceMm, facts.sliceThicknessMm, facts.images], [1.5, 1.5, drawn.length]);
    assert.deepEqual(
      Object.entries(labelsOf(plain)).filter(([, label]) => label !== 'not-calcified'),
      [['L4-L5', 'calcified']],
    );
  });

  it('a sharp kernel beside the soft one: named or not it is known, doubted, and passed over', async () => {
    const images = sharpened(drawn);
    for (const [name, more, judgedBy] of [
      ['named', { ConvolutionKernel: 'Br64d\\3' }, 'name'],
      ['not named', { ConvolutionKernel: '' }, 'noise'],
      ['named as no table knows it', { ConvolutionKernel: '22' }, 'noise'],
    ] as const) {
      const sharp = await measure(images, HU, always(more));
      assert.deepEqual(
        [sharp.facts.kernel.sharpness, sharp.facts.kernel.judgedBy],
        ['sharp', judgedBy],
        name,
      );
      assert.ok(sharp.reasons.some((reason) => /a sharp kernel/.test(reason)));
      assert.equal(chosenOf({ sharp, plain }), 'plain', name);
      for (const [level, label] of Object.entries(labelsOf(sharp)))
        if (level !== 'L4-L5') assert.notEqual(label, 'calcified', level);
    }
  });

  it('contrast agent in the sac, by the header or by the picture alone: nothing behind a disc is stated', async () => {
    for (const [name, more] of [
      ['header', { ContrastBolusAgent: 'ISOVUE M', ContrastBolusRoute: 'INTRATHECAL' }],
      ['picture', {}],
    ] as const) {
      const result = await measure(myelography, HU, always(more));
      assert.equal(result.facts.contrast, 'intrathecal', name);
      assert.ok(
        Object.values(labelsOf(result)).every((label) => label !== 'not-calcified'),
        JSON.stringify(labelsOf(result)),
      );
      assert.equal(chosenOf({ myelo: result, plain }), 'plain');
    }
  });

  for (const [agent, contrast] of [
    ['IOHEXOL', 'given'],
    ['NONE', 'not-said'],
    ['without', 'not-said'],
    ['OHNE KM', 'not-said'],
    ['', 'not-said'],
  ] as const)
    it(`ContrastBolusAgent "${agent}" says: ${contrast}`, async () => {
      const { facts } = await measure(drawn.slice(0, 6), HU, always({ ContrastBolusAgent: agent }));
      assert.equal(facts.contrast, contrast);
    });

  /** Each says what the values are not, is not measured, and is passed over. */
  const NO_UNITS: Readonly<
    Record<string, readonly [images: () => readonly Drawn[], encoding: Encoding, more: Elements]>
  > = {
    'a density map by its RescaleType': [() => drawn, HU, { RescaleType: 'ED' }],
    'a density map by its description': [
      () => drawn,
      HU,
      { RescaleType: 'HU', SeriesDescription: 'DE DENSITY MAP' },
    ],
    'effective atomic numbers': [() => mapped(drawn, (hu) => 7 + hu / 200), HU, {}],
    'a density map by its pixels': [() => mapped(drawn, (hu) => hu + 1000), HU, {}],
    'calcium removed': [() => drawn, HU, { SeriesDescription: 'VNCa Bone Marrow' }],
    'a maximum intensity projection': [() => drawn, HU, { SeriesDescription: 'MIP cor thick' }],
    'an intercept of 0 for pixels stored with 1024 added': [() => drawn, HU, { RescaleIntercept: '0' }],
    'a slope of 2 for 1': [() => drawn, HU, { RescaleSlope: '2' }],
    'no rescale': [() => drawn, HU, { RescaleSlope: '', RescaleIntercept: '' }],
  };
  for (const [name, [images, encoding, more]] of Object.entries(NO_UNITS))
    it(`not in Hounsfield units, said, and passed over: ${name}`, async () => {
      const result = await measure(images(), encoding, always(more));
      assert.ok(result.facts.notHounsfield, JSON.stringify(result.facts));
      assert.deepEqual([result.status, result.discs], ['not-found', []]);
      assert.match(result.reasons[0]!, /not in Hounsfield units/);
      assert.equal(chosenOf({ other: result, plain }), 'plain');
      assert.equal(chosenOf({ other: result }), 'none-serves');
    });

  for (const [description, derived] of [
    ['VNC 1.5', 'virtual non-contrast'],
    ['MonoE 70 keV', 'monoenergetic'],
  ] as const)
    it(`${description} is measured only where nothing else serves, and named`, async () => {
      const result = await measure(drawn, HU, always({ SeriesDescription: description }));
      assert.equal(result.facts.derived, derived);
      assert.ok(result.reasons.some((reason) => reason.startsWith(derived)));
      assert.equal(chosenOf({ other: result, plain }), 'plain');
    });

  for (const description of ['LOW DOSE LSPINE', 'BONE DENSITY QCT', 'LWS Weichteil 2.0', 'MPR SAG'])
    it(`${description} is a plain reconstruction`, async () => {
      const { facts } = await measure(drawn.slice(0, 6), HU, always({ SeriesDescription: description }));
      assert.equal(facts.derived, null);
    });

  it('a few slices about one disc, a chest and abdomen that ends at L3, slices of 5 mm: passed over', async () => {
    const at = drawn.length;
    const l45 = Math.round(at * 0.66);
    const needle = await measure(drawn.slice(l45 - 8, l45 + 8).filter((_, i) => i % 2 === 0));
    const abdomen = await measure(drawn.slice(0, Math.round(at * 0.45)));
    assert.notEqual(needle.status, 'located', needle.reasons.join());
    assert.notEqual(abdomen.status, 'located', abdomen.reasons.join());
    const thick = await measure(drawn.filter((_, i) => i % 3 === 0));
    assert.equal(chosenOf({ needle, abdomen, thick, plain }), 'plain');
  });

  it('padding outside the circle, signed or read as unsigned, is air: measured as without it', async () => {
    const inCircle = ({ plane }: Drawn, at: number) =>
      Math.hypot(Math.floor(at / plane.columns) - plane.rows / 2, (at % plane.columns) - plane.columns / 2) <
      plane.rows / 2 - 2;
    const padded = (hu: number) =>
      drawn.map((one) => ({
        ...one,
        values: one.values.map((value, at) => (inCircle(one, at) ? value : hu)),
      }));
    const signed: Encoding = { slope: 1, intercept: 0, signed: true };
    const asAir = await measure(padded(-1024), signed);
    for (const [name, result] of [
      ['signed', await measure(padded(-2000), signed, always({ PixelPaddingValue: [-2000] }))],
      ['unsigned', await measure(padded(63_536 - 1024), HU, always({ PixelPaddingValue: [-2000] }))],
      ['not declared', await measure(padded(-3024), signed)],
    ] as const) {
      assert.equal(result.status, 'located', name);
      assert.deepEqual(labelsOf(result), labelsOf(asAir), name);
    }
  });

  it('two acquisitions that overlap, a scout and a dose sheet in the series: each place once, the rest left out', async () => {
    const again = drawn.slice(40, 44);
    const between = drawn.slice(60, 63).map(({ plane, values }) => {
      const [x, y, z] = plane.origin;
      return { plane: { ...plane, origin: [x, y, z + 0.4] as const }, values };
    });
    const scout: Drawn = {
      plane: { ...drawn[0]!.plane, along: [1, 0, 0], down: [0, 0, -1] },
      values: drawn[0]!.values,
    };
    const result = await measure([...drawn, ...again, ...between, scout]);
    assert.equal(result.status, 'located', result.reasons.join());
    assert.deepEqual(labelsOf(result), labelsOf(plain));
    assert.ok(
      result.reasons.some((reason) => /left out/.test(reason)),
      result.reasons.join(),
    );
  });

  it('screws and rods: what metal does not reach is measured, and nothing is called calcified for it', async () => {
    const rod = ({ plane, values }: Drawn) => ({
      plane,
      values: values.map((hu, at) => {
        const [row, col] = [Math.floor(at / plane.columns), at % plane.columns];
        const isRod = [-22, 22].some(
          (x) => Math.hypot(col - plane.columns / 2 - x, row - plane.rows / 2 - 40) < 4,
        );
        return isRod ? 3071 : hu;
      }),
    });
    const { facts, discs, status } = await measure(drawn.map(rod));
    assert.equal(facts.notHounsfield, null);
    assert.notEqual(status, 'not-found');
    for (const { level, label } of discs) if (level !== 'L4-L5') assert.notEqual(label, 'calcified', level);
  });
});
