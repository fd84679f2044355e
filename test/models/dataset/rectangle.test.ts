import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  add,
  cross,
  indexToPatient,
  normalise,
  normalOf,
  type Plane,
  scale,
  type Vector,
} from '../../../agent/dicom/geometry.js';
import { storedBox } from '../../../agent/locate/cut.js';
import { sagittalOf } from '../../../agent/locate/sagittal.js';
import type { PixelBox } from '../../../agent/locate/types.js';
import {
  type Box,
  type CoordinateSystem,
  markupsText,
  parseMarkups,
} from '../../../models/dataset/markups.js';
import { boxOn, carried, nearestSlice, overlapOf, rectangleOn } from '../../../models/dataset/rectangle.js';

const unit = fc.double({ min: -1, max: 1, noNaN: true });
const mm = (min: number, max: number) => fc.double({ min, max, noNaN: true });

/** Any slice at all: sagittal, oblique, stored any way round. */
const anyPlane: fc.Arbitrary<Plane> = fc
  .record({
    a: fc.tuple(unit, unit, unit),
    b: fc.tuple(unit, unit, unit),
    origin: fc.tuple(mm(-300, 300), mm(-300, 300), mm(-900, 900)),
    row: mm(0.2, 2),
    col: mm(0.2, 2),
  })
  .filter(({ a, b }) => Math.hypot(...a) > 0.2 && Math.hypot(...cross(normalise(a), b)) > 0.2)
  .map(({ a, b, origin, row, col }) => {
    const along = normalise(a);
    const down = normalise(cross(cross(along, b), along));
    return { origin, along, down, spacingMm: [row, col] as const, rows: 400, columns: 300 };
  });

const anyBox: fc.Arbitrary<PixelBox> = fc
  .tuple(mm(20, 200), mm(20, 300), mm(30, 90), mm(30, 90))
  .map(([col, row, width, height]) => [col, row, col + width, row + height] as const);

const BLANK = {
  sopInstanceUid: '2.25.1',
  frame: 0,
  frameNumber: null,
  kind: '',
  instanceNumber: 1,
  slope: 1,
  intercept: 0,
  isInverted: false,
  echoTime: null,
};

const SYSTEMS: readonly CoordinateSystem[] = ['LPS', 'RAS'];

function throughFile(box: Box, system: CoordinateSystem): Box {
  return parseMarkups(markupsText([{ name: 'L4-L5', box }], system), 'test').boxes[0]!.box;
}

function assertBox(found: PixelBox, expected: PixelBox): void {
  for (const i of [0, 1, 2, 3] as const)
    assert.ok(Math.abs(found[i] - expected[i]) < 1e-6, `${found} is not ${expected}`);
}

describe('dataset rectangles: between slices and 3D Slicer', () => {
  it('a rectangle on any slice comes back from a .mrk.json in LPS and in RAS', () => {
    fc.assert(
      fc.property(
        anyPlane,
        anyBox,
        mm(0, 30),
        fc.constantFrom(...SYSTEMS),
        (plane, box, thickness, system) => {
          const back = rectangleOn(plane, throughFile(boxOn(plane, box, thickness), system), 2);
          assert.ok(typeof back !== 'string', String(back));
          assertBox(back.box, box);
          assert.ok(back.distanceMm < 1e-6 && back.turnedDegrees < 1e-4, JSON.stringify(back));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('sides may come in any order and point either way: the rectangle is the same', () => {
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ] as const;
    const turn = fc.record({
      order: fc.constantFrom(...orders),
      signs: fc.tuple(...[0, 1, 2].map(() => fc.constantFrom(-1, 1))),
    });
    fc.assert(
      fc.property(
        anyPlane,
        anyBox,
        turn,
        fc.constantFrom(...SYSTEMS),
        (plane, box, { order, signs }, system) => {
          const { centre, axes, sizeMm } = boxOn(plane, box, 4);
          const turned = {
            centre,
            axes: order.map((from, i) => scale(axes[from], signs[i]!)) as unknown as Box['axes'],
            sizeMm: order.map((from) => sizeMm[from]) as unknown as Vector,
          };
          const back = rectangleOn(plane, throughFile(turned, system), 2);
          assert.ok(typeof back !== 'string', String(back));
          assertBox(back.box, box);
        },
      ),
    );
  });

  it('a file that says RAS and means LPS lies elsewhere: the sign of x and y matters', () => {
    const plane = sagittal();
    const text = markupsText([{ name: 'L4-L5', box: boxOn(plane, [100, 100, 160, 140], 4) }]).replace(
      '"LPS"',
      '"RAS"',
    );
    assert.equal(typeof rectangleOn(plane, parseMarkups(text, 'test').boxes[0]!.box, 2), 'string');
  });

  it('a box askew by a few degrees is taken as drawn, its middle where its axis meets the slice', () => {
    const plane = sagittal();
    const box: PixelBox = [100, 100, 160, 140];
    for (const [degrees, direction] of [
      [8, plane.along],
      [8, plane.down],
      [12, normalOf(plane)],
      [-14, plane.down],
    ] as const) {
      const askew = turnedBy(boxOn(plane, box, 10), direction, degrees);
      const back = rectangleOn(plane, { ...askew, centre: add(askew.centre, scale(askew.axes[2], 3)) }, 2);
      assert.ok(typeof back !== 'string', String(back));
      assertBox(back.box, box);
      assert.ok(Math.abs(back.turnedDegrees - Math.abs(degrees)) < 1e-6);
    }
  });

  it('refuses what does not lie on the slice, and says why', () => {
    const plane = sagittal();
    const box = boxOn(plane, [100, 100, 160, 140], 4);
    const off = (mmOff: number) => ({ ...box, centre: add(box.centre, scale(normalOf(plane), mmOff)) });
    assert.equal(typeof rectangleOn(plane, off(2.1), 2.2), 'object', 'nearer than half of the gap');
    assert.match(
      rectangleOn(plane, off(2.3), 2.2) as string,
      /does not meet the slices: the nearest lies 2\.3 mm/,
    );
    assert.equal(
      typeof rectangleOn(plane, { ...off(9), sizeMm: [36, 24, 20] }, 2.2),
      'object',
      'thick enough',
    );
    assert.match(rectangleOn(plane, turnedBy(box, plane.down, 25), 2) as string, /turned by 25°/);
    assert.match(rectangleOn(plane, turnedBy(box, normalOf(plane), 30), 2) as string, /turned by 30°/);
    assert.match(rectangleOn(plane, { ...box, sizeMm: [36, 0, 4] }, 2) as string, /36\.0 by 0\.0 mm/);
    const elsewhere = { ...box, centre: indexToPatient(plane, 900, 100) };
    assert.match(rectangleOn(plane, elsewhere, 2) as string, /outside the slice/);
  });

  it('however a scanner stores its sagittal slices, the stored rectangle lies where it was drawn', () => {
    const axes: readonly Vector[] = [
      [0, 1, 0],
      [0, -1, 0],
      [0, 0, 1],
      [0, 0, -1],
    ];
    const stored = fc
      .tuple(fc.constantFrom(...axes), fc.constantFrom(...axes), mm(-12, 12))
      .filter(([along, down]) => along[1] * down[1] + along[2] * down[2] === 0);
    fc.assert(
      fc.property(stored, ([along, down, degrees]) => {
        const square = {
          centre: [0, 0, 0],
          axes: [along, down, cross(along, down)],
          sizeMm: [0, 0, 0],
        } as const;
        const [a, d] = turnedBy(square, normalise([0.3, 0.2, 1]), degrees).axes;
        const plane: Plane = {
          origin: [3, -20, 50],
          along: a,
          down: d,
          spacingMm: [0.8, 0.5],
          rows: 90,
          columns: 120,
        };
        const image = sagittalOf({ ...BLANK, plane, stored: new Int16Array(90 * 120) });
        const back = rectangleOn(image.plane, boxOn(plane, [40, 30, 90, 62], 4), 2);
        assert.ok(typeof back !== 'string', String(back));
        for (const [i, value] of storedBox(image, back.box).entries())
          assert.ok(Math.abs(value - [40, 30, 90, 62][i]!) < 1e-3, `${storedBox(image, back.box)}`);
      }),
    );
  });

  it('the nearest slice is the one drawn on', () => {
    const planes = [0, 4, 8, 12].map((x) => sagittal(x));
    assert.equal(nearestSlice(planes, [7, 0, 0]), 2);
    assert.equal(nearestSlice(planes, [-50, 0, 0]), 0);
  });

  it('overlap: none, half, all; symmetric; never above 1', () => {
    assert.equal(overlapOf([0, 0, 10, 10], [10, 0, 20, 10]), 0);
    assert.equal(overlapOf([0, 0, 10, 10], [20, 20, 30, 30]), 0, 'apart in both directions');
    assert.equal(overlapOf([0, 0, 10, 10], [0, 0, 10, 5]), 0.5);
    assert.equal(overlapOf([0, 0, 10, 10], [5, 0, 15, 10]), 1 / 3);
    fc.assert(
      fc.property(anyBox, anyBox, (a, b) => {
        const iou = overlapOf(a, b);
        assert.ok(iou >= 0 && iou <= 1);
        assert.equal(iou, overlapOf(b, a));
        assert.equal(overlapOf(a, a), 1);
      }),
    );
  });

  it('a rectangle carried to a parallel slice and back is itself', () => {
    fc.assert(
      fc.property(anyPlane, anyBox, mm(-20, 20), (plane, box, step) => {
        const next = {
          ...plane,
          origin: add(plane.origin, add(scale(normalOf(plane), step), scale(plane.down, 1.5))),
        };
        const there = carried(plane, box, next);
        assert.ok(Math.abs(there[1] - (box[1] - 1.5 / plane.spacingMm[0])) < 1e-6);
        assertBox(carried(next, there, plane), box);
      }),
    );
  });
});

function sagittal(x = 5): Plane {
  return {
    origin: [x, -120, 200],
    along: [0, 1, 0],
    down: [0, 0, -1],
    spacingMm: [0.6, 0.6],
    rows: 448,
    columns: 448,
  };
}

/** Turned about a direction through its centre (Rodrigues). */
function turnedBy({ centre, axes, sizeMm }: Box, about: Vector, degrees: number): Box {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const turn = (v: Vector): Vector => {
    const along = (about[0] * v[0] + about[1] * v[1] + about[2] * v[2]) * (1 - c);
    return add(add(scale(v, c), scale(cross(about, v), s)), scale(about, along));
  };
  return { centre, axes: axes.map(turn) as unknown as Box['axes'], sizeMm };
}
