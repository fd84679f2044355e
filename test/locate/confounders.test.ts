import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Vector } from '../../agent/dicom/geometry.js';
import type { Level } from '../../agent/domain/levels.js';
import { type Locator, openLocator } from '../../agent/locate/pool.js';
import { readSeries } from '../../agent/locate/series.js';
import type { CtDisc } from '../../agent/locate/types.js';
import { parseConfig } from '../../config/load.js';
import { type PhantomTruth, writePhantom } from '../../models/phantom/phantom.js';
import { type Painting, painted, wallFrom } from '../support/drawnBone.js';
import { type Drawn, drawnOf, writeSingles } from '../support/encoded.js';

/** What is calcified or bone beside a disc and no calcified herniation: drawn over one spine, each at a disc of its own. */
describe('on CT, bone and calcification that are not a disc’s', function () {
  this.timeout(300_000);
  let folder: string;
  let locator: Locator;
  let truth: PhantomTruth;
  let slices: readonly Drawn[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'calcidisc-confounders-'));
    truth = await writePhantom({
      outDir: join(folder, 'phantom'),
      seed: 41,
      herniated: [],
      degenerate: [],
      mr: { slices: 3, matrix: 128 },
      ct: { spacingMm: 0.8, sliceMm: 1.5, fieldOfViewMm: 160, gas: ['L5-S1'] },
    });
    const path = join(folder, 'phantom', 'ct');
    slices = (await readSeries((await readdir(path)).map((file) => join(path, file)))).images.map(drawnOf);
    locator = await openLocator(parseConfig({}), pino({ level: 'silent' }));
  });
  after(async () => {
    await locator?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  const centreOf = (level: Level): Vector => truth.ct.discs[level]!.centrePatientMm;
  const between = (a: Level, b: Level): Vector => {
    const [one, other] = [centreOf(a), centreOf(b)];
    return [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2, (one[2] + other[2]) / 2];
  };

  async function measure(paintings: readonly Painting[]): Promise<ReadonlyMap<Level, CtDisc>> {
    const all: Painting = (x, y, z) => {
      for (const painting of paintings) {
        const hu = painting(x, y, z);
        if (hu !== null) return hu;
      }
      return null;
    };
    const into = await mkdtemp(join(folder, 'ct-'));
    const files = await writeSingles(into, 'CT', painted(slices, all), { slope: 1, intercept: -1024 });
    const { result } = await locator.measureCt(files);
    return new Map(result.discs.map((disc) => [disc.level, disc]));
  }

  /** Sclerotic facets with calcified capsules, to either side behind the canal. */
  function facets(level: Level): Painting {
    const [cx, , cz] = centreOf(level);
    const wall = wallFrom(slices, between(level, 'L5-S1'), 1);
    return (x, y, z) => {
      const off = Math.hypot((Math.abs(x - cx) - 17) / 6, (y - wall - 20) / 8, (z - cz) / 9);
      return off < 0.7 ? 750 : off < 1 ? 260 : null;
    };
  }

  /** A soft node in the end plate below a disc, with a sclerotic rim. */
  function schmorl(level: Level, next: Level): Painting {
    const [cx, cy, cz] = centreOf(level);
    const into = (centreOf(next)[2] - cz) / Math.abs(centreOf(next)[2] - cz);
    return (x, y, z) => {
      const off = Math.hypot(x - cx, y - cy, z - (cz + into * 9));
      return off < 4.5 ? 70 : off < 6.5 ? 450 : null;
    };
  }

  /** Bone from body to body in front of a disc: a shell of cortex, marrow in the study's own range. */
  function bridge(level: Level, above: Level): Painting {
    const [cx, , cz] = centreOf(level);
    const front = wallFrom(slices, between(level, above), -1);
    return (x, y, z) => {
      const off = Math.hypot((x - cx) / 14, (y - front + 1) / 6, (z - cz) / 15);
      return off < 0.72 ? 230 : off < 1 ? 550 : null;
    };
  }

  /** The posterior longitudinal ligament turned to bone, behind disc and bodies alike. */
  function ligament(level: Level, above: Level, hu: number): Painting {
    const [cx, , cz] = centreOf(level);
    const wall = wallFrom(slices, between(level, above), 1);
    return (x, y, z) =>
      Math.abs(x - cx) < 6 && y > wall + 0.5 && y < wall + 4.5 && Math.abs(z - cz) < 26 ? hu : null;
  }

  it('takes no facet, Schmorl’s node, bridging osteophyte or vacuum for a calcified disc', async () => {
    const discs = await measure([facets('L4-L5'), schmorl('L1-L2', 'L2-L3'), bridge('L2-L3', 'L1-L2')]);
    assert.deepEqual([...discs.keys()], ['L1-L2', 'L2-L3', 'L3-L4', 'L4-L5', 'L5-S1']);
    for (const [level, { label }] of discs) assert.notEqual(label, 'calcified', `${level} ${label}`);
    assert.equal(discs.get('L3-L4')?.label, 'not-calcified', 'nothing was drawn there');
  });

  for (const hu of [300, 600])
    it(`does not count an ossified posterior longitudinal ligament of ${hu} HU as a calcified disc`, async () => {
      const discs = await measure([ligament('L3-L4', 'L2-L3', hu)]);
      assert.notEqual(discs.get('L3-L4')?.label, 'calcified');
      if (hu === 300) assert.match(discs.get('L3-L4')?.finding ?? '', /posterior longitudinal ligament/);
    });

  it('still finds a calcified herniation behind a disc, facets and bridging bone about it', async () => {
    const [cx, , cz] = centreOf('L3-L4');
    const wall = wallFrom(slices, between('L3-L4', 'L2-L3'), 1);
    const lump: Painting = (x, y, z) =>
      Math.hypot((x - cx) / 7, (y - wall - 2.5) / 3.5, (z - cz) / 5) < 1 ? 260 : null;
    const discs = await measure([lump, facets('L3-L4'), bridge('L3-L4', 'L2-L3')]);
    assert.equal(discs.get('L3-L4')?.label, 'calcified');
    assert.equal(discs.get('L3-L4')?.finding, undefined);
  });
});
