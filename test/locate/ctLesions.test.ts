import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { indexToPatient, type Vector } from '../../agent/dicom/geometry.js';
import { LEVELS, type Level } from '../../agent/domain/levels.js';
import { type Locator, openLocator } from '../../agent/locate/pool.js';
import { readSeries } from '../../agent/locate/series.js';
import { parseConfig } from '../../config/load.js';
import { type PhantomTruth, writePhantom } from '../../models/phantom/phantom.js';
import { type Drawn, drawnOf, writeSingles } from '../support/encoded.js';

/** Where a point lies from a disc: to the left, behind its middle, above it along the spine, mm. */
interface Place {
  readonly left: number;
  readonly behind: number;
  readonly up: number;
}
type Paint = (place: Place) => number | null;

const OF: Level = 'L3-L4';
const DISC_HU = 78;

/** What is dense beside a disc and no calcification of it, painted at L3-L4, and what such a disc may be called. */
const LESIONS: Readonly<Record<string, Paint>> = {
  'an osteophyte that bridges in front': ({ left, behind, up }) =>
    behind < -18 && behind > -24 && Math.abs(left) < 14 && Math.abs(up) < 14 ? 520 : null,
  'sclerosis of both end plates': ({ left, behind, up }) =>
    Math.abs(up) > 6 && Math.abs(up) < 11 && Math.hypot(left, behind) < 17 ? 420 : null,
  "a Schmorl's node with a dense rim": ({ left, behind, up }) => {
    const away = Math.hypot(left, behind + 3, up - 10);
    return away < 4 ? DISC_HU : away < 6 ? 360 : null;
  },
  'a calcified facet joint': ({ left, behind, up }) =>
    Math.hypot(Math.abs(left) - 17, behind - 30, up) < 6 ? 450 : null,
};

describe('dense, and no calcified disc', function () {
  this.timeout(600_000);
  let folder: string;
  let locator: Locator;
  let truth: PhantomTruth;
  let drawn: readonly Drawn[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'calcidisc-ct-lesions-'));
    locator = await openLocator(parseConfig({}), pino({ level: 'silent' }));
    truth = await writePhantom({
      outDir: folder,
      seed: 43,
      herniated: [],
      degenerate: [],
      mr: { slices: 3, matrix: 128 },
      ct: { spacingMm: 1, sliceMm: 1.5, fieldOfViewMm: 170 },
    });
    const names = (await readdir(join(folder, 'ct'))).sort();
    drawn = (await readSeries(names.map((file) => join(folder, 'ct', file)))).images.map(drawnOf);
  });
  after(async () => {
    await locator?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  let count = 0;
  async function labelsWith(paint: Paint): Promise<Partial<Record<Level, string>>> {
    const path = join(folder, `case-${count++}`);
    await mkdir(path);
    const painted = drawn.map((image) => painting(image, paint));
    const files = await writeSingles(path, 'CT', painted, { slope: 1, intercept: -1024 });
    const { discs } = (await locator.measureCt(files)).result;
    return Object.fromEntries(discs.map(({ level, label }) => [level, label]));
  }

  function painting({ plane, values }: Drawn, paint: Paint): Drawn {
    const placeOf = placesOf(truth);
    const own = values.map((hu, at) => {
      const point = indexToPatient(plane, at % plane.columns, Math.floor(at / plane.columns));
      return paint(placeOf(point)) ?? hu;
    });
    return { plane, values: own };
  }

  for (const [name, paint] of Object.entries(LESIONS))
    it(name, async () => {
      const labels = await labelsWith(paint);
      assert.equal(Object.keys(labels).length, LEVELS.length);
      for (const level of LEVELS) assert.notEqual(labels[level], 'calcified', level);
    });

  it('a calcification painted likewise is one: the pictures are not merely out of reach', async () => {
    const ball: Paint = ({ left, behind, up }) => (Math.hypot(left, behind - 19, up) < 3.5 ? 260 : null);
    assert.equal((await labelsWith(ball))[OF], 'calcified');
  });
});

/** Along the spine as the neighbouring discs' middles lie, in the sagittal plane. */
function placesOf({ ct }: PhantomTruth): (point: Vector) => Place {
  const at = LEVELS.indexOf(OF);
  const [above, own, below] = [LEVELS[at - 1]!, OF, LEVELS[at + 1]!].map(
    (level) => ct.discs[level].centrePatientMm,
  ) as [Vector, Vector, Vector];
  const [dy, dz] = [above[1] - below[1], above[2] - below[2]];
  const length = Math.hypot(dy, dz);
  const [ny, nz] = [dy / length, dz / length];
  return ([x, y, z]) => {
    const [py, pz] = [y - own[1], z - own[2]];
    return { left: x - own[0], behind: py * nz - pz * ny, up: py * ny + pz * nz };
  };
}
