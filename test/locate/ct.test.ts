import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Plane, Vector } from '../../agent/dicom/geometry.js';
import { indexToPatient } from '../../agent/dicom/geometry.js';
import { stacksOf } from '../../agent/dicom/stacks.js';
import { AIR_HU } from '../../agent/locate/ctHeader.js';
import { sampleCt } from '../../agent/locate/ctSample.js';
import { ctVolumeOf } from '../../agent/locate/ctVolume.js';
import { ZONE } from '../../agent/locate/discZone.js';
import { measure } from '../../agent/locate/hounsfield.js';
import type { SourceImage } from '../../agent/locate/series.js';
import { regionsOf, sagittalAreaMm2, type VoxelBox, voxelsIn } from '../../agent/locate/voxels.js';

const RANGE = { huLow: 120.1, huHigh: 383.7, minAreaMm2: 4 };

/** A CT whose value at any point is a linear function of the point: interpolation must give it back exactly. */
function linearCt(tilt: number, value: (point: Vector) => number): SourceImage[] {
  return Array.from({ length: 20 }, (_, k): SourceImage => {
    const plane: Plane = {
      origin: [-20, -30 + k * 2 * Math.tan(tilt), k * 2],
      along: [1, 0, 0],
      down: [0, 1, 0],
      spacingMm: [1, 1.5],
      rows: 40,
      columns: 30,
    };
    const stored = new Int16Array(40 * 30);
    for (let row = 0; row < 40; row++)
      for (let col = 0; col < 30; col++)
        stored[row * 30 + col] = Math.round((value(indexToPatient(plane, col, row)) + 1000) * 8);
    return {
      plane,
      kind: '',
      instanceNumber: k,
      sopInstanceUid: `2.25.${k}`,
      frame: 0,
      frameNumber: null,
      stored,
      slope: 1 / 8,
      intercept: -1000,
      isInverted: false,
      echoTime: null,
    };
  });
}

describe('CT volume', () => {
  for (const tilt of [0, 0.2])
    it(`reads a linear field back at any point, ${tilt ? 'gantry tilted' : 'straight'}, any slice order`, () => {
      const value = ([x, y, z]: Vector) => 3 * x - 2 * y + 5 * z;
      fc.assert(
        fc.property(
          fc.shuffledSubarray(linearCt(tilt, value), { minLength: 20 }),
          fc.double({ min: -15, max: 15, noNaN: true }),
          (slices, x) => {
            const volume = ctVolumeOf(stacksOf(slices)[0]!);
            const plane: Plane = {
              origin: [x, -8, 30],
              along: [0, 1, 0],
              down: [0, 0, -1],
              spacingMm: [0.7, 0.7],
              rows: 30,
              columns: 10,
            };
            const sampled = sampleCt(volume, plane);
            for (const [row, col] of [
              [0, 0],
              [11, 9],
              [29, 4],
            ] as const) {
              const expected = value(indexToPatient(plane, col, row));
              assert.ok(
                Math.abs(sampled[row * 10 + col]! - expected) < 0.2,
                `${sampled[row * 10 + col]} ${expected}`,
              );
            }
          },
        ),
        { numRuns: 20 },
      );
    });

  it('is air outside the scan', () => {
    const volume = ctVolumeOf(stacksOf(linearCt(0, () => 50))[0]!);
    const far: Plane = {
      origin: [0, 100, 500],
      along: [0, 1, 0],
      down: [0, 0, -1],
      spacingMm: [1, 1],
      rows: 2,
      columns: 2,
    };
    assert.deepEqual([...sampleCt(volume, far)], [AIR_HU, AIR_HU, AIR_HU, AIR_HU]);
  });

  it('hands out its own voxels: rescale slope and intercept and nothing else', () => {
    const volume = ctVolumeOf(stacksOf(linearCt(0, ([x, , z]) => x + z))[0]!);
    const box = voxelsIn(volume, [-6, -10, 4], [6, 0, 12], () => ZONE.disc)!;
    assert.equal(box.sagittalAxis, 0);
    assert.equal(box.size[2], 5);
    for (const voxel of [0, 17, box.hu.length - 1]) {
      const [x, , z] = box.toPatient(voxel);
      assert.ok(Math.abs(box.hu[voxel]! - (x + z)) <= 1 / 16);
    }
  });
});

describe('Hounsfield reference', () => {
  /** A disc 30 by 30 by 10 mm of 80 HU between two bone plates, 1 mm voxels; `paint` puts calcification in. */
  function disc(paint: (x: number, y: number, z: number) => number | null): VoxelBox {
    const size = [30, 30, 16] as const;
    const hu = new Float32Array(size[0] * size[1] * size[2]);
    const zone = new Uint8Array(hu.length);
    for (let z = 0, i = 0; z < size[2]; z++)
      for (let y = 0; y < size[1]; y++)
        for (let x = 0; x < size[0]; x++, i++) {
          const isBone = z < 3 || z > 12;
          zone[i] = isBone ? ZONE.bone : ZONE.disc;
          hu[i] = paint(x, y, z) ?? (isBone ? 250 : 80);
        }
    return { size, spacingMm: [1, 1, 1], sagittalAxis: 0, hu, zone, toPatient: (v) => [v % 30, 0, 0] };
  }
  const ball = (radius: number, value: number) => (x: number, y: number, z: number) =>
    Math.hypot(x - 15, y - 15, z - 8) <= radius ? value : null;

  it('takes a plain disc for not calcified, whatever its end plates are', () => {
    const { label, meanHu, maxHu, areaMm2 } = measure(
      disc(() => null),
      RANGE,
    );
    assert.deepEqual(
      { label, meanHu, maxHu, areaMm2 },
      { label: 'not-calcified', meanHu: 80, maxHu: 80, areaMm2: 0 },
    );
  });

  it('measures a calcification: mean, maximum, area of its largest sagittal cut, volume', () => {
    const box = disc((x, y, z) =>
      ball(2.5, 250)(x, y, z) && x === 15 && y === 15 ? 300 : ball(2.5, 250)(x, y, z),
    );
    const found = measure(box, RANGE);
    assert.equal(found.label, 'calcified');
    assert.equal(found.maxHu, 300);
    assert.equal(found.volumeMm3, 81);
    assert.equal(found.areaMm2, 21);
    const column = 5;
    assert.ok(Math.abs(found.meanHu! - (250 * (81 - column) + 300 * column) / 81) < 1e-3);
  });

  it('keeps to the range: 120 is below it, 121 within, 384 above', () => {
    const label = (hu: number) => measure(disc(ball(2.5, hu)), RANGE).label;
    assert.deepEqual(
      [label(120), label(121), label(383), label(384)],
      ['not-calcified', 'calcified', 'calcified', 'not-calcified'],
    );
  });

  it('passes by single noisy voxels', () => {
    const noisy = disc((x, y, z) => (z > 4 && z < 11 && (x * 7 + y * 11 + z * 13) % 97 === 0 ? 150 : null));
    assert.equal(measure(noisy, RANGE).label, 'not-calcified');
  });

  it('does not take an end plate that bulges into the disc for calcification', () => {
    assert.equal(
      measure(
        disc((_x, _y, z) => (z === 3 ? 250 : null)),
        RANGE,
      ).label,
      'not-calcified',
    );
  });

  it('counts corners as connected, and measures area across the sagittal axis wherever it lies', () => {
    const box = disc(() => null);
    const diagonal = new Set([0, 1 + 30 + 900]);
    assert.equal(regionsOf(box, (voxel) => diagonal.has(voxel)).length, 1);
    const line = Int32Array.from({ length: 6 }, (_, k) => k * 30);
    assert.equal(sagittalAreaMm2(box, line), 6);
    assert.equal(sagittalAreaMm2({ ...box, sagittalAxis: 1 }, line), 1);
  });

  it('is not sure of a find inside the disc on thick slices, where end plates mix in', () => {
    const thick = disc((x, y, z) => (Math.hypot(x - 15, y - 15) < 6 && z === 8 ? 250 : null));
    assert.equal(measure({ ...thick, spacingMm: [0.5, 0.5, 5] }, RANGE).label, 'indeterminate');
  });

  it('takes what sits on unmarked bone with most of its surface for a part of it', () => {
    // A lip of bone that the network did not mark, denser than the range but for a hollow at its top.
    const within = (margin: number, v: number) => v >= 9 + margin && v <= 21 - margin;
    const lip = disc((x, y, z) => {
      if (z > 9 || !within(0, x) || !within(0, y)) return null;
      return z > 7 && within(2, x) && within(2, y) ? 300 : 600;
    });
    assert.equal(measure(lip, RANGE).label, 'not-calcified');
  });

  it('is not sure of what one slice shows and its neighbours do not: partial volume', () => {
    const oneSlice = disc((x, y, z) => (Math.hypot(x - 15, y - 15) < 6 && z === 8 ? 250 : null));
    const label = (box: VoxelBox) => measure({ ...box, spacingMm: [1, 1, 3] }, RANGE).label;
    assert.equal(label(oneSlice), 'indeterminate');
    const twoSlices = disc((x, y, z) =>
      Math.hypot(x - 15, y - 15) < 6 && (z === 7 || z === 8) ? 250 : null,
    );
    assert.equal(label(twoSlices), 'calcified');
  });

  it('tells a lump behind the disc from the shell of a bone, both too near to bone for a core', () => {
    const behind = (paint: (x: number, y: number, z: number) => number | null): VoxelBox => {
      const box = disc(paint);
      return {
        ...box,
        zone: box.zone.map((zone, at) =>
          zone === ZONE.disc && Math.floor(at / 30) % 30 > 3 ? ZONE.behind : zone,
        ),
      };
    };
    const lump = behind((x, y, z) => (Math.hypot(x - 15, y - 15) < 6 && z > 2 && z < 6 ? 250 : null));
    assert.equal(measure(lump, RANGE).label, 'calcified');
    const shell = behind((x, y, z) => (z === 4 && Math.hypot(x - 15, y - 15) < 8 ? 250 : null));
    assert.equal(measure(shell, RANGE).label, 'not-calcified');
    const thick = { ...lump, spacingMm: [1, 1, 2] as const };
    assert.notEqual(measure(thick, RANGE).label, 'not-calcified');
  });

  it('counts marrow below the range as bone where it is marked: its rim is no calcification', () => {
    const old = disc((x, y, z) => (z < 3 ? 90 : z === 3 && y > 10 && x > 4 && x < 26 ? 300 : null));
    assert.equal(measure(old, RANGE).label, 'not-calcified');
  });

  it('leaves gas out of the density of a disc', () => {
    const vacuum = disc((_x, y, z) => (z === 8 && y > 10 && y < 20 ? -900 : null));
    assert.equal(measure(vacuum, RANGE).meanHu, 80);
  });

  it('does not take a cluster of a noisy disc for calcification, but a denser one of that size', () => {
    // 60, 80 and 100 HU by turns: a spread as of strong noise.
    const noisy = (value: number) =>
      disc((x, y, z) => ball(2.5, value)(x, y, z) ?? (z < 3 || z > 12 ? null : 60 + 20 * ((x + y + z) % 3)));
    assert.equal(measure(noisy(130), RANGE).label, 'not-calcified');
    assert.equal(measure(noisy(220), RANGE).label, 'calcified');
  });
});
