import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { patientToIndex } from '../../agent/dicom/geometry.js';
import { type Locator, openLocator } from '../../agent/locate/pool.js';
import { readSeries } from '../../agent/locate/series.js';
import type { Located, LocateResult, PointMm } from '../../agent/locate/types.js';
import { parseConfig } from '../../config/load.js';
import { type PhantomTruth, writePhantom } from '../../models/phantom/phantom.js';
import { NoiseTable, randomFrom } from '../../models/phantom/random.js';
import type { Elements } from '../dicom/writePart10.js';
import { UNUSED_CT } from '../support/coarse.js';
import { type Drawn, drawnOf, writeSingles } from '../support/encoded.js';
import { withMotion } from '../support/motion.js';

const USUAL: Elements = {
  PatientAge: '053Y',
  MagneticFieldStrength: '1.5',
  EchoTime: '102',
  ScanningSequence: 'SE',
};

/** Who is not like the study's patients is read all the same, and the result says why it should be doubted. */
describe('outside the study, through the whole path', function () {
  this.timeout(300_000);
  let folder: string;
  let locator: Locator;
  let truth: PhantomTruth;
  let slices: readonly Drawn[];
  let count = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'calcidisc-outside-'));
    truth = await writePhantom({
      outDir: join(folder, 'phantom'),
      seed: 34,
      mr: { slices: 11, matrix: 256, gapMm: 4 },
      ct: UNUSED_CT,
    });
    slices = (await seriesIn('phantom')).images.map(drawnOf);
    locator = await openLocator(parseConfig({}), pino({ level: 'silent' }));
  });
  after(async () => {
    await locator?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  async function seriesIn(name: string) {
    const path = join(folder, name, 'mr');
    return readSeries((await readdir(path)).map((file) => join(path, file)));
  }

  async function locate(images: readonly Drawn[], more: Elements = {}): Promise<Located<LocateResult>> {
    const path = join(folder, `case-${count++}`);
    await mkdir(path);
    const files = await writeSingles(path, 'MR', images, { slope: 1, intercept: 0 }, () => ({
      ...USUAL,
      ...more,
    }));
    return locator.locateMr(files);
  }

  const outside = ({ result }: Located<LocateResult>) =>
    result.reasons.filter((reason) => reason.startsWith('outside the study: '));

  it('says nothing of a usual scan', async () => {
    const located = await locate(slices);
    assert.equal(located.result.status, 'located', located.result.reasons.join());
    assert.deepEqual(outside(located), []);
  });

  for (const [more, reason] of [
    [{ PatientAge: '016Y' }, 'younger than 18 years'],
    [{ MagneticFieldStrength: '0.5' }, 'field strength below 1 tesla'],
    [{ EchoTime: '12' }, 'not T2-weighted by its echo time'],
    [{ ScanningSequence: 'SE\\IR' }, 'fat suppressed by inversion recovery'],
  ] as const)
    it(`says by the header: ${reason}`, async () => {
      const located = await locate(slices, more);
      assert.deepEqual(outside(located), [`outside the study: ${reason}`]);
      assert.equal(located.result.discs.length, 5);
    });

  for (const [reason, alter] of [
    [
      'slices further apart than 5.5 mm',
      () => slices.map((slice) => placed(slice, ([x, y, z]) => [x * 1.5, y, z])),
    ],
    ['a single slice', () => slices.slice(5, 6)],
    ['pixels larger than 1.2 mm', () => slices.map(larger)],
    ['signal-to-noise ratio below 4', () => noisy(slices)],
    [
      'a signal void among the vertebrae, as metal makes it',
      () => slices.map((slice) => withMetal(slice, truth)),
    ],
    ['ghosts of motion in the air behind the back', () => slices.map(breathing)],
    [
      'the patient moved between slices',
      () => slices.map((slice, i) => placed(slice, ([x, y, z]) => [x, y, z + (i % 2) * 8])),
    ],
  ] as const satisfies readonly (readonly [string, () => readonly Drawn[]])[])
    it(`says by pixels and planes: ${reason}`, async () => {
      const located = await locate(alter());
      assert.ok(outside(located).includes(`outside the study: ${reason}`), located.result.reasons.join());
    });

  it('says by pixels and planes: marked scoliosis, over 20 degrees', async () => {
    const mr = { slices: 15, matrix: 256, gapMm: 4.4 };
    await writePhantom({ outDir: join(folder, 'bent'), seed: 34, scoliosisMm: 40, mr, ct: UNUSED_CT });
    const located = await locate((await seriesIn('bent')).images.map(drawnOf));
    assert.ok(outside(located).includes('outside the study: marked scoliosis, over 20 degrees'));
  });
});

function placed({ plane, values }: Drawn, move: (origin: PointMm) => PointMm): Drawn {
  return { values, plane: { ...plane, origin: move(plane.origin) } };
}

/** The same pixels, each a fifth larger. */
function larger({ plane, values }: Drawn): Drawn {
  const [row, col] = plane.spacingMm;
  return { values, plane: { ...plane, spacingMm: [row * 1.2, col * 1.2] } };
}

function noisy(slices: readonly Drawn[]): readonly Drawn[] {
  const noise = new NoiseTable(randomFrom('outside', 1));
  return slices.map(({ plane, values }) => ({
    plane,
    values: values.map((value) => Math.hypot(value + 300 * noise.next(), 300 * noise.next())),
  }));
}

/** The body swings 2 mm to either side, front to back, while its lines are measured in that direction. */
function breathing({ plane, values }: Drawn): Drawn {
  const { rows, columns, spacingMm } = plane;
  const motion = { phase: 'AP', along: 'AP', amplitudePx: 2 / spacingMm[1], periodLines: 8 } as const;
  return { plane, values: withMotion({ pixels: values, rows, columns }, motion) };
}

/** Nothing comes from within 11 mm of the middle of L3. */
function withMetal({ plane, values }: Drawn, { mr }: PhantomTruth): Drawn {
  const [above, below] = [mr.discs['L2-L3'].centrePatientMm, mr.discs['L3-L4'].centrePatientMm];
  const middle = above.map((mm, axis) => (mm + below[axis]!) / 2) as unknown as PointMm;
  const [col, row] = patientToIndex(plane, middle);
  const [perRow, perCol] = plane.spacingMm;
  return {
    plane,
    values: values.map((value, at) => {
      const [x, y] = [(at % plane.columns) - col, Math.floor(at / plane.columns) - row];
      return Math.hypot(x * perCol, y * perRow) < 11 ? 0 : value;
    }),
  };
}
