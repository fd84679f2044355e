import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  anatomicalPlane,
  angleBetween,
  cross,
  dot,
  indexToPatient,
  normalise,
  normalOf,
  type Plane,
  patientToIndex,
  planeOf,
  type Vector,
} from '../../agent/dicom/geometry.js';
import { stacksOf } from '../../agent/dicom/stacks.js';

const unit = fc
  .tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.double({ min: -Math.PI, max: Math.PI, noNaN: true }))
  .map(([z, angle]): Vector => {
    const r = Math.sqrt(1 - z * z);
    return [r * Math.cos(angle), r * Math.sin(angle), z];
  });

/** Any orientation, oblique included. */
const planes = fc
  .record({
    along: unit,
    other: unit,
    origin: fc.tuple(...[0, 1, 2].map(() => fc.double({ min: -500, max: 500, noNaN: true }))),
    spacing: fc.tuple(
      fc.double({ min: 0.2, max: 5, noNaN: true }),
      fc.double({ min: 0.2, max: 5, noNaN: true }),
    ),
  })
  .filter(({ along, other }) => angleBetween(along, other) > 5)
  .map(
    ({ along, other, origin, spacing }): Plane => ({
      origin: origin as unknown as Vector,
      along,
      down: normalise(cross(along, other)),
      spacingMm: spacing,
      rows: 256,
      columns: 320,
    }),
  );

const tags = (plane: Plane) => ({
  imageOrientationPatient: [...plane.along, ...plane.down],
  imagePositionPatient: [...plane.origin],
  pixelSpacing: [...plane.spacingMm],
  rows: plane.rows,
  columns: plane.columns,
});

describe('geometry', () => {
  it('comes back from the patient to the same index, whatever the orientation', () => {
    fc.assert(
      fc.property(
        planes,
        fc.integer({ min: 0, max: 319 }),
        fc.integer({ min: 0, max: 255 }),
        (plane, col, row) => {
          const [c, r, away] = patientToIndex(plane, indexToPatient(plane, col, row));
          assert.ok(Math.abs(c - col) < 1e-6 && Math.abs(r - row) < 1e-6 && Math.abs(away) < 1e-6);
        },
      ),
    );
  });

  it('comes back from an index to the same point of the plane', () => {
    fc.assert(
      fc.property(planes, unit, (plane, direction) => {
        const point = direction.map((v, i) => v * 100 + plane.origin[i]!) as unknown as Vector;
        const [col, row, away] = patientToIndex(plane, point);
        const back = indexToPatient(plane, col, row);
        const normal = normalOf(plane);
        for (const i of [0, 1, 2]) assert.ok(Math.abs(back[i]! + away * normal[i]! - point[i]!) < 1e-6);
      }),
    );
  });

  it('reads back the plane it was written as, cosines rounded to six digits', () => {
    fc.assert(
      fc.property(planes, (plane) => {
        const written = tags(plane);
        const rounded = {
          ...written,
          imageOrientationPatient: written.imageOrientationPatient.map((v) => Number(v.toFixed(6))),
        };
        const read = planeOf(rounded);
        assert.ok(typeof read !== 'string');
        assert.ok(Math.abs(dot(read.along, read.down)) < 1e-12);
        assert.ok(angleBetween(normalOf(read), normalOf(plane)) < 0.01);
      }),
    );
  });

  it('gives the reason where tags are missing or contradict themselves', () => {
    const good = {
      imageOrientationPatient: [0, 1, 0, 0, 0, -1],
      imagePositionPatient: [0, 0, 0],
      pixelSpacing: [1, 1],
      rows: 4,
      columns: 4,
    };
    const reason = (wrong: object) => planeOf({ ...good, ...wrong });
    assert.equal(typeof planeOf(good), 'object');
    assert.match(String(reason({ imageOrientationPatient: null })), /ImageOrientationPatient is missing/);
    assert.match(String(reason({ imageOrientationPatient: [0, 1, 0, 0, 1, 0] })), /perpendicular/);
    assert.match(String(reason({ imageOrientationPatient: [0, 0, 0, 0, 0, 0] })), /perpendicular/);
    assert.match(String(reason({ imagePositionPatient: [0, 0, 1e9] })), /out of reach/);
    assert.match(String(reason({ pixelSpacing: [0, 1] })), /not positive/);
    assert.match(String(reason({ rows: 0 })), /Rows/);
  });

  it('names the anatomical plane of an oblique slice', () => {
    assert.equal(anatomicalPlane(normalise([1, 0.5, 0.3])), 'SAGITTAL');
    assert.equal(anatomicalPlane(normalise([-0.2, 1, 0.3])), 'CORONAL');
    assert.equal(anatomicalPlane(normalise([0.2, 0.4, -1])), 'AXIAL');
  });
});

describe('stacks', () => {
  const slice = (
    x: number,
    instanceNumber: number,
    more: { kind?: string; plane?: Partial<Plane> } = {},
  ) => ({
    plane: {
      origin: [x, -100, 100],
      along: [0, 1, 0],
      down: [0, 0, -1],
      spacingMm: [0.5, 0.5],
      rows: 8,
      columns: 8,
      ...more.plane,
    } as Plane,
    kind: more.kind ?? '',
    instanceNumber,
  });
  const row = (xs: readonly number[]) => xs.map((x, i) => slice(x, i + 1));

  it('is the same stack whatever order the slices come in', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(row([0, 4, 8, 12, 16, 20, 24]), { minLength: 7 }), (shuffled) => {
        const [stack, ...others] = stacksOf(shuffled);
        assert.equal(others.length, 0);
        assert.deepEqual(
          stack!.slices.map(({ plane }) => plane.origin[0]).sort((a, b) => a - b),
          [0, 4, 8, 12, 16, 20, 24],
        );
        assert.equal(stack!.spacingMm, 4);
        assert.deepEqual(stack!.notes, []);
      }),
    );
  });

  it('drops a duplicate, and says so', () => {
    const [stack] = stacksOf([...row([0, 4, 8, 12]), slice(8, 9)]);
    assert.equal(stack!.slices.length, 4);
    assert.deepEqual(stack!.notes, ['duplicate slices']);
  });

  it('says where slices are missing or unevenly spaced', () => {
    assert.deepEqual(stacksOf(row([0, 4, 8, 16, 20]))[0]!.notes, ['gap between slices', 'uneven spacing']);
    assert.deepEqual(stacksOf(row([0, 4, 8.6, 12, 16]))[0]!.notes, ['uneven spacing']);
  });

  it('keeps echoes apart, and repetitions that no tag tells apart', () => {
    const echoes = [...row([0, 4, 8]), ...[0, 4, 8].map((x, i) => slice(x, i + 4, { kind: '100|2' }))];
    assert.deepEqual(
      stacksOf(echoes).map(({ slices }) => slices.length),
      [3, 3],
    );
    const twice = [...row([0, 4, 8, 12]), ...[0, 4, 8, 12].map((x, i) => slice(x, i + 5))];
    const stacks = stacksOf(twice);
    assert.deepEqual(
      stacks.map(({ slices }) => slices.map(({ instanceNumber }) => instanceNumber)).map((n) => n.sort()),
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
    );
  });

  it('keeps a scout of another orientation and another matrix apart', () => {
    const axial = { plane: { along: [1, 0, 0], down: [0, 1, 0] } as Partial<Plane> };
    const small = { plane: { rows: 4 } };
    const stacks = stacksOf([...row([0, 4, 8, 12]), slice(0, 9, axial), slice(3, 10, small)]);
    assert.deepEqual(
      stacks.map(({ slices }) => slices.length),
      [4, 1, 1],
    );
  });

  it('tells a sheared stack (tilted gantry)', () => {
    const tilted = [0, 4, 8, 12].map((x, i) =>
      slice(x, i, { plane: { origin: [x, -100 + x * 0.3, 100] } as never }),
    );
    assert.deepEqual(stacksOf(tilted)[0]!.notes, ['sheared stack']);
  });
});
