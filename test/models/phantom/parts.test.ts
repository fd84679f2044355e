import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LEVELS } from '../../../agent/domain/levels.js';
import { buildAtlas } from '../../../models/phantom/atlas.js';
import { decimalString } from '../../../models/phantom/dicom.js';
import { drawLesions } from '../../../models/phantom/lesions.js';
import { PhantomSchema } from '../../../models/phantom/options.js';
import { Pose } from '../../../models/phantom/pose.js';
import { NoiseTable, randomFrom, Texture } from '../../../models/phantom/random.js';
import { drawSpine } from '../../../models/phantom/spine.js';

describe('decimal strings', () => {
  it('never need more than 16 characters and stay within half a micrometre', () => {
    fc.assert(
      fc.property(fc.double({ min: -99_999, max: 99_999, noNaN: true }), (value) => {
        const text = decimalString(value);
        assert.ok(text.length <= 16 && /^-?\d+(\.\d+)?(e-?\d+)?$/.test(text), text);
        assert.ok(Math.abs(Number(text) - value) <= 5.1e-7);
      }),
    );
    assert.throws(() => decimalString(Number.NaN), RangeError);
  });
});

describe('seeded draws', () => {
  it('repeat for the same seed and differ between neighbouring seeds', () => {
    const draw = (seed: number) => Array.from({ length: 8 }, () => randomFrom('x', seed).between(0, 1));
    assert.deepEqual(draw(1), draw(1));
    const firsts = Array.from({ length: 500 }, (_, seed) => randomFrom('x', seed).between(0, 1));
    assert.ok(new Set(firsts).size > 495);
    const mean = firsts.reduce((a, b) => a + b, 0) / firsts.length;
    assert.ok(Math.abs(mean - 0.5) < 0.06, `mean over seeds ${mean}`);
  });

  it('give noise and texture of mean 0 and standard deviation 1', () => {
    const noise = new NoiseTable(randomFrom('noise'));
    checkStandard(Array.from({ length: 300_000 }, () => noise.next()));
    const texture = new Texture(randomFrom('texture'));
    const values: number[] = [];
    for (let i = 0; i < 64; i++)
      for (let j = 0; j < 64; j++)
        for (let k = 0; k < 64; k++) values.push(texture.at(i + 0.5, j + 0.5, k + 0.5, 1));
    checkStandard(values);
  });

  it('read texture smoothly: no step between cells', () => {
    const texture = new Texture(randomFrom('texture'));
    fc.assert(
      fc.property(fc.double({ min: -500, max: 500, noNaN: true }), (x) => {
        const step = texture.smoothAt(x, 3, -7, 2) - texture.smoothAt(x + 1e-4, 3, -7, 2);
        assert.ok(Math.abs(step) < 1e-3);
      }),
    );
  });
});

describe('the spine that is drawn', () => {
  const seeds = fc.integer({ min: 0, max: 100_000 });

  it('has every level once, end plates that do not cross, lordosis', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { units, planes } = drawSpine(PhantomSchema.parse({ seed }));
        assert.equal(planes.length, units.length + 1);
        assert.deepEqual(units.flatMap(({ level }) => level ?? []).reverse(), [...LEVELS]);
        for (let i = 1; i < planes.length; i++) assert.ok(planes[i]!.z > planes[i - 1]!.z);
        const l5s1 = units.findIndex(({ level }) => level === 'L5-S1');
        const l1 = units.findIndex(({ name }) => name === 'L1');
        const lordosis = ((planes[l5s1]!.angleRad - planes[l1 + 1]!.angleRad) * 180) / Math.PI;
        assert.ok(lordosis > 30 && lordosis < 75, `lordosis ${lordosis}`);
      }),
      { numRuns: 50 },
    );
  });

  it('has an atlas that counts the units along it, and a wall behind all bodies', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const spine = drawSpine(PhantomSchema.parse({ seed }));
        const atlas = buildAtlas(spine);
        spine.planes.slice(1, -1).forEach(({ y, z }, i) => {
          const column = Math.round((y - atlas.originY) / atlas.cellMm);
          const row = Math.round((z - atlas.originZ) / atlas.cellMm);
          const [unit, forward, , behind] = atlas.cells.subarray((row * atlas.columns + column) * 4);
          assert.ok(Math.abs(unit! - (i + 1)) < 0.3, `plane ${i + 1} at ${unit}`);
          assert.ok(Math.abs(forward!) < 1 && behind! < 0);
        });
        for (let i = 1; i < atlas.unitAlongMm.length; i++)
          assert.ok(atlas.unitAlongMm[i]! > atlas.unitAlongMm[i - 1]!);
      }),
      { numRuns: 6 },
    );
  });

  it('has at one level the same lesion whatever is chosen at another', () => {
    fc.assert(
      fc.property(seeds, fc.subarray([...LEVELS]), (seed, calcified) => {
        const alone = drawLesions(PhantomSchema.parse({ seed, calcified: ['L4-L5'] })).get('L4-L5');
        const among = drawLesions(PhantomSchema.parse({ seed, calcified: [...calcified, 'L4-L5'] })).get(
          'L4-L5',
        );
        assert.deepEqual(among, alone);
      }),
    );
  });
});

describe('the pose of the spine', () => {
  it('takes points of the middle plane to the patient and back', () => {
    const angle = fc.double({ min: -0.3, max: 0.3, noNaN: true });
    const mm = fc.double({ min: -100, max: 260, noNaN: true });
    fc.assert(
      fc.property(
        angle,
        angle,
        fc.double({ min: -40, max: 40, noNaN: true }),
        mm,
        mm,
        (lean, roll, bow, y, z) => {
          const originMm = [4, -20, -800] as const;
          const pose = new Pose({ scoliosisMm: bow, leanRad: lean, rollRad: roll, originMm });
          const back = new Float64Array(3);
          pose.toSpine(...pose.midlineToPatient(y, z), back);
          assert.ok(
            Math.abs(back[0]!) < 1e-6 && Math.abs(back[1]! - y) < 1e-6 && Math.abs(back[2]! - z) < 1e-6,
          );
        },
      ),
    );
  });
});

function checkStandard(values: readonly number[]): void {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  assert.ok(Math.abs(mean) < 0.02, `mean ${mean}`);
  assert.ok(Math.abs(Math.sqrt(variance) - 1) < 0.02, `standard deviation ${Math.sqrt(variance)}`);
}
