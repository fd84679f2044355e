import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { patientToIndex } from '../../../agent/dicom/geometry.js';
import { LEVELS } from '../../../agent/domain/levels.js';
import { readSeries, type Series, type SourceImage } from '../../../agent/locate/series.js';
import { identify } from '../../../models/phantom/headers.js';
import { PhantomSchema } from '../../../models/phantom/options.js';
import { type PhantomOptions, type PhantomTruth, writePhantom } from '../../../models/phantom/phantom.js';
import { runTool } from '../../support/dcmtk.js';
import { needsPeer } from '../../support/peers.js';

/** Small series: what is tested does not need a scanner's matrix. */
const SMALL = {
  mr: { slices: 7, matrix: 192 },
  ct: { spacingMm: 2, sliceMm: 2.5 },
} satisfies Partial<PhantomOptions>;
const CALCIFIED = ['L3-L4', 'L5-S1'] as const;

describe('phantom', function () {
  this.timeout(180_000);
  const folders: string[] = [];

  async function draw(options: Omit<PhantomOptions, 'outDir'>) {
    const outDir = await mkdtemp(join(tmpdir(), 'calcidisc-phantom-'));
    folders.push(outDir);
    return { outDir, truth: await writePhantom({ ...SMALL, ...options, outDir }) };
  }
  after(async () => {
    for (const folder of folders) await rm(folder, { recursive: true });
  });

  let outDir: string;
  let truth: PhantomTruth;
  let mr: Series;
  let ct: Series;
  before(async () => {
    ({ outDir, truth } = await draw({ seed: 21, calcified: [...CALCIFIED] }));
    mr = await readSeries(await filesOf(outDir, 'mr'));
    ct = await readSeries(await filesOf(outDir, 'ct'));
  });

  it('gives the same bytes for the same options', async () => {
    const again = await draw({ seed: 21, calcified: [...CALCIFIED] });
    for (const series of ['mr', 'ct'])
      assert.equal(await hashOf(again.outDir, series), await hashOf(outDir, series));
    assert.deepEqual(again.truth, truth);
  });

  it('gives other UIDs as soon as one option differs', () => {
    const options = [{ seed: 21 }, { seed: 22 }, { seed: 21, calcified: ['L1-L2'] }, { seed: 21, noise: 2 }];
    const uids = options.flatMap((each) => {
      const settings = PhantomSchema.parse(each);
      return (['MR', 'CT'] as const).map((modality) => identify(settings, modality).seriesInstanceUid);
    });
    assert.equal(new Set(uids).size, 8);
    assert.notEqual(truth.mr.studyInstanceUid, truth.ct.studyInstanceUid);
  });

  it('has its discs where truth.json says, by the geometry in the files', () => {
    const image = mr.images.find(
      ({ sopInstanceUid }) => sopInstanceUid === truth.mr.midSlice.sopInstanceUid,
    )!;
    const { discs } = truth.mr.slices[truth.mr.midSlice.index]!;
    for (const level of LEVELS) {
      const [col, row] = patientToIndex(image.plane, truth.mr.discs[level].centrePatientMm);
      const [col0, row0, col1, row1] = discs[level]!.boxPixel;
      assert.ok(col > col0 && col < col1 && row > row0 && row < row1, `${level}: ${col}, ${row}`);
      // The middle of the drawn pixels lies a little behind where a herniation adds to them.
      const [drawnCol, drawnRow] = discs[level]!.centrePixel;
      const apartMm = Math.hypot(col - drawnCol, row - drawnRow) * image.plane.spacingMm[0];
      assert.ok(apartMm < 5, `${level}: ${apartMm} mm`);
    }
  });

  it('lets the discs lie one under the other, dark end plates between bright bodies and fluid behind', () => {
    const image = mr.images.find(
      ({ sopInstanceUid }) => sopInstanceUid === truth.mr.midSlice.sopInstanceUid,
    )!;
    const heights = LEVELS.map((level) => truth.mr.discs[level].centrePatientMm[2]);
    for (let i = 1; i < heights.length; i++) assert.ok(heights[i - 1]! - heights[i]! > 20);
    const { centrePixel, boxPixel } = truth.mr.slices[truth.mr.midSlice.index]!.discs['L2-L3']!;
    const behind = along(image, centrePixel[1], boxPixel[2] + 2, boxPixel[2] + 14);
    const within = along(image, centrePixel[1], boxPixel[0] + 2, boxPixel[2] - 2);
    assert.ok(Math.max(...behind) > 1.5 * mean(within), 'fluid is brighter than disc');
  });

  it('says calcified of exactly the levels that were asked for, in the range of the study', () => {
    for (const level of LEVELS) {
      const { calcified, meanHu, maxHu, areaMm2, volumeMm3 } = truth.ct.discs[level];
      const asked = (CALCIFIED as readonly string[]).includes(level);
      assert.equal(calcified, asked, level);
      if (asked) {
        assert.ok(meanHu > 120.1 && maxHu < 383.7 && maxHu > meanHu, `${level}: ${meanHu} to ${maxHu} HU`);
        assert.ok(areaMm2 > 15 && volumeMm3 > 100, `${level}: ${areaMm2} mm2`);
      } else {
        assert.ok(meanHu > 60 && meanHu < 100, `${level}: ${meanHu} HU`);
        assert.deepEqual([areaMm2, volumeMm3], [0, 0]);
      }
    }
  });

  it('darkens the MR behind a calcified disc and nothing anywhere else', async () => {
    const soft = await draw({ seed: 21, calcified: [...CALCIFIED].slice(0, 1), herniated: [...CALCIFIED] });
    const hard = await draw({ seed: 21, calcified: [...CALCIFIED], herniated: [...CALCIFIED] });
    const before = await readSeries(await filesOf(soft.outDir, 'mr'));
    const after = await readSeries(await filesOf(hard.outDir, 'mr'));
    const centre = hard.truth.mr.discs['L5-S1'].centrePatientMm;
    let lost = 0;
    before.images.forEach(({ stored, plane }, s) => {
      stored.forEach((value, i) => {
        const change = value - after.images[s]!.stored[i]!;
        if (change === 0) return;
        const [col, row, off] = patientToIndex(plane, centre);
        const [aside, down] = [(i % plane.columns) - col, Math.floor(i / plane.columns) - row];
        const reachMm = Math.hypot(aside * plane.spacingMm[1], down * plane.spacingMm[0], off);
        assert.ok(reachMm < 40, `changed ${reachMm} mm from the disc`);
        lost += change;
      });
    });
    assert.ok(lost > 2_000, `lost ${lost}`);
  });

  it('has the calcification in the CT voxels, and only behind the calcified discs', () => {
    const voxels = (level: (typeof LEVELS)[number]) => {
      let count = 0;
      for (const { plane, stored, slope, intercept } of ct.images) {
        const [col, row, off] = patientToIndex(plane, truth.ct.discs[level].centrePatientMm);
        if (Math.abs(off) > 4) continue;
        // From the disc's posterior edge into the canal.
        for (let r = Math.round(row + 8); r <= row + 13; r++)
          for (let c = Math.round(col - 2); c <= col + 2; c++)
            if (stored[r * plane.columns + c]! * slope + intercept > 130) count++;
      }
      return count;
    };
    const counts = LEVELS.map(voxels);
    const [l12, l23, l34, l45, l5s1] = counts as [number, number, number, number, number];
    assert.ok(Math.min(l34, l5s1) > Math.max(l12, l23, l45), counts.join(', '));
  });

  for (const [slope, intercept, signed] of [
    [1, -1024, false],
    [0.5, -1200, false],
    [2, 0, true],
  ] as const)
    it(`stores HU by slope ${slope}, intercept ${intercept}, ${signed ? '' : 'un'}signed`, async () => {
      const drawn = await draw({ seed: 3, ct: { ...SMALL.ct, slope, intercept, signed } });
      const { images } = await readSeries(await filesOf(drawn.outDir, 'ct'));
      for (const level of LEVELS) {
        const { sopInstanceUid, pixel, hu } = drawn.truth.ct.discs[level].voxel!;
        const image = images.find((each) => each.sopInstanceUid === sopInstanceUid)!;
        assert.equal(image.stored instanceof Int16Array, signed);
        const stored = image.stored[pixel[1] * image.plane.columns + pixel[0]]!;
        assert.ok(
          Math.abs(stored * slope + intercept - hu) <= slope / 2 + 1e-3,
          `${level}: ${stored}, ${hu} HU`,
        );
      }
    });

  it('leaves the rescale out when a defective series is asked for', async () => {
    const drawn = await draw({ seed: 3, ct: { ...SMALL.ct, omitRescale: true } });
    const { images, notHounsfield } = await readSeries(await filesOf(drawn.outDir, 'ct'));
    assert.deepEqual([images.length, notHounsfield], [0, 'no rescale slope and intercept']);
  });

  it('carries the identity and dates it was given', async () => {
    const drawn = await draw({ seed: 4, patientId: 'Ä-0042', mrDate: '20250302', ctDate: '20250228' });
    const headers = [await filesOf(drawn.outDir, 'mr'), await filesOf(drawn.outDir, 'ct')].map(readSeries);
    const [mrHeader, ctHeader] = (await Promise.all(headers)).map(({ header }) => header);
    assert.equal(mrHeader!.patientId, 'Ä-0042');
    assert.equal(ctHeader!.patientId, 'Ä-0042');
    assert.deepEqual([mrHeader!.acquisitionDate, ctHeader!.acquisitionDate], ['2025-03-02', '2025-02-28']);
  });

  it('replaces an earlier phantom whole, and touches nothing else that lies there', async () => {
    const drawn = await draw({ seed: 5 });
    await writePhantom({ ...SMALL, seed: 5, mr: { slices: 3, matrix: 128 }, outDir: drawn.outDir });
    assert.equal((await filesOf(drawn.outDir, 'mr')).length, 3);
    const stranger = join(drawn.outDir, 'mr', 'patient.dcm');
    await writeFile(stranger, 'not ours');
    await assert.rejects(writePhantom({ ...SMALL, seed: 5, outDir: drawn.outDir }), {
      code: 'FOLDER_IN_USE',
    });
    assert.equal(await readFile(stranger, 'utf8'), 'not ours');
  });

  it('refuses what it cannot draw', async () => {
    for (const wrong of [{ curvature: 9 }, { mrDate: '2024-01-10' }, { calcified: ['L6-S1'] }, { seed: 0.5 }])
      await assert.rejects(draw({ seed: 1, ...(wrong as object) }), { name: 'ZodError' });
  });

  it('is valid DICOM: every image by dciodvfy, and both series as a whole by dcentvfy', async function () {
    needsPeer(this, 'dicom3tools');
    for (const series of ['mr', 'ct']) {
      const files = await filesOf(outDir, series);
      for (const file of [files[0]!, files[3]!]) {
        const { output } = await runTool('dciodvfy', [file]);
        assert.match(output, /^(MR|CT)Image/m);
        assert.doesNotMatch(output, /^Error/m, output);
      }
      const { output } = await runTool('dcentvfy', files);
      assert.doesNotMatch(output, /^Error/m, output);
    }
  });
});

async function filesOf(outDir: string, series: string): Promise<string[]> {
  const folder = join(outDir, series);
  return (await readdir(folder)).sort().map((file) => join(folder, file));
}

async function hashOf(outDir: string, series: string): Promise<string> {
  const hash = createHash('sha256');
  for (const file of await filesOf(outDir, series)) hash.update(await readFile(file));
  return hash.digest('hex');
}

/** Values of one row between two columns. */
function along({ stored, plane }: SourceImage, row: number, from: number, to: number): number[] {
  const start = Math.round(row) * plane.columns;
  return Array.from(stored.subarray(start + Math.round(from), start + Math.round(to)));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
