import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { pino } from 'pino';
import { LEVELS } from '../../agent/domain/levels.js';
import { type Locator, openLocator } from '../../agent/locate/pool.js';
import { readSeries } from '../../agent/locate/series.js';
import type { CtResult, Located } from '../../agent/locate/types.js';
import { nearVoxels } from '../../agent/locate/voxels.js';
import { parseConfig } from '../../config/load.js';
import { type PhantomTruth, writePhantom } from '../../models/phantom/phantom.js';
import type { Elements } from '../dicom/writePart10.js';
import { type Drawn, drawnOf, writeSingles } from '../support/encoded.js';

const HU = { slope: 1, intercept: -1024 };

describe('CT geometry through the whole path', function () {
  this.timeout(300_000);
  let folder: string;
  let locator: Locator;
  let truth: PhantomTruth;
  let slices: readonly Drawn[];
  let count = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'calcidisc-ct-geometry-'));
    truth = await writePhantom({
      outDir: folder,
      seed: 33,
      calcified: ['L4-L5'],
      mr: { slices: 3, matrix: 128 },
      ct: { spacingMm: 1, sliceMm: 1.5, fieldOfViewMm: 170, gantryTiltDeg: 14 },
    });
    const names = (await readdir(join(folder, 'ct'))).sort();
    slices = (await readSeries(names.map((name) => join(folder, 'ct', name)))).images.map(drawnOf);
    locator = await openLocator(parseConfig({}), pino({ level: 'silent' }));
  });
  after(async () => {
    await locator?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  async function measure(images: readonly Drawn[], more?: () => Elements): Promise<Located<CtResult>> {
    const path = join(folder, `case-${count++}`);
    await mkdir(path);
    return locator.measureCt(await writeSingles(path, 'CT', images, HU, more));
  }

  it('corrects a tilted gantry: the discs are where they were drawn, and it is said', async () => {
    const shuffled = slices.map((_, i) => slices[(i * 7919) % slices.length]!);
    const { result } = await measure([...shuffled, slices[40]!]);
    assert.deepEqual(
      result.discs.map(({ level }) => level),
      [...LEVELS],
      result.reasons.join(),
    );
    for (const { level, centrePatientMm, label } of result.discs) {
      const { centrePatientMm: drawn, calcified } = truth.ct.discs[level];
      const apart = Math.hypot(...centrePatientMm.map((mm, axis) => mm - drawn[axis]!));
      assert.ok(apart < 5, `${level} is ${apart} mm away`);
      assert.equal(label, calcified ? 'calcified' : 'not-calcified', level);
    }
    assert.ok(result.reasons.includes('sheared stack'), result.reasons.join());
    assert.ok(result.reasons.includes('duplicate slices'));
  });

  for (const [name, make, reason] of [
    ['slices missing inside', (all) => all.filter((_, i) => i < 60 || i > 66), /slices are missing/],
    ['one slice', (all) => all.slice(50, 51), /a single slice is no volume/],
    ['slices 7.5 mm apart', (all) => all.filter((_, i) => i % 5 === 0), /too coarse to measure/],
    ['no plane', (all) => all.slice(0, 3), /ImagePositionPatient is missing/],
    ['coronal slices', (all) => all.slice(0, 20).map(coronal), /coronal, not axial or sagittal/],
  ] as const satisfies readonly (readonly [string, (all: readonly Drawn[]) => readonly Drawn[], RegExp])[])
    it(`measures nothing, with the reason: ${name}`, async () => {
      const more = name === 'no plane' ? () => ({ ImagePositionPatient: '' }) : undefined;
      const { result } = await measure(make(slices), more);
      assert.deepEqual([result.status, result.discs], ['not-found', []]);
      assert.ok(
        result.reasons.some((each) => reason.test(each)),
        result.reasons.join(),
      );
    });

  it('says of thick slices that they leave labels open', async () => {
    const { result } = await measure(slices.filter((_, i) => i % 3 === 0));
    assert.ok(
      result.reasons.some((reason) => /slices 4\.\d mm apart: their partial volume/.test(reason)),
      result.reasons.join(),
    );
  });
});

function coronal({ plane, values }: Drawn, i: number): Drawn {
  return { values, plane: { ...plane, origin: [0, i * 2, 0], along: [1, 0, 0], down: [0, 0, -1] } };
}

describe('voxels near marked ones', () => {
  it('are those that looking at every pair finds', () => {
    const mm = (min: number, max: number) =>
      fc.tuple(
        fc.double({ min, max, noNaN: true }),
        fc.double({ min, max, noNaN: true }),
        fc.double({ min, max, noNaN: true }),
      );
    const boxes = fc.record({
      size: fc.tuple(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 5 }),
      ),
      spacingMm: mm(0.4, 3),
      radiusMm: mm(0.5, 4),
      share: fc.double({ min: 0, max: 0.4, noNaN: true }),
      seed: fc.integer({ min: 1, max: 1e6 }),
    });
    fc.assert(
      fc.property(boxes, ({ size, spacingMm, radiusMm, share, seed }) => {
        const [nx, ny, nz] = size;
        let state = seed;
        const marked = Uint8Array.from({ length: nx * ny * nz }, () => {
          state = (state * 48271) % 2147483647;
          return state / 2147483647 < share ? 1 : 0;
        });
        const near = nearVoxels({ size, spacingMm }, marked, radiusMm);
        const place = (at: number) => [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
        for (let at = 0; at < marked.length; at++) {
          const isNear = [...marked.keys()].some((other) => {
            const steps = place(at).map((v, axis) => v - place(other)[axis]!);
            const sum = steps.reduce(
              (total, d, axis) => total + ((Math.abs(d) * spacingMm[axis]!) / radiusMm[axis]!) ** 2,
              0,
            );
            return marked[other] === 1 && sum <= 1;
          });
          assert.equal(near[at] === 1, isNear);
        }
      }),
    );
  });
});
