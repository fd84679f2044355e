import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../../config/root.js';
import { parseMarkups } from '../../../models/dataset/markups.js';

const fixture = (name: string) =>
  readFileSync(join(projectRoot, 'test/fixtures/markups', `${name}.mrk.json`), 'utf8');

/** The same file with something changed in its first ROI. */
function changed(change: Readonly<Record<string, unknown>>): string {
  const file = JSON.parse(fixture('reader-lps'));
  Object.assign(file.markups[0], change);
  return JSON.stringify(file);
}

describe('dataset markups: files as 3D Slicer writes them', () => {
  it('several boxes of a file, in LPS; what is no box is passed over and counted', () => {
    const { boxes, others } = parseMarkups(fixture('reader-lps'), 'a');
    assert.deepEqual(others, ['Fiducial']);
    assert.deepEqual(
      boxes.map(({ number, texts, pointLabels }) => [number, texts, pointLabels]),
      [
        [1, ['L4-L5 calcified'], []],
        [2, ['L5-S1 not calcified', 'no CT at hand'], []],
      ],
      'the name once: a point label that repeats it with a number says nothing new',
    );
    const [{ box }] = boxes as [(typeof boxes)[0]];
    assert.deepEqual(box.centre, [0.9126437816, 23.1048271934, -46.2317520461]);
    assert.deepEqual(box.sizeMm, [12, 56.4183920011, 32.1077351922]);
  });

  it('RAS turns x and y; the columns of the orientation are the axes, not its rows', () => {
    const [{ box, texts, pointLabels }] = parseMarkups(fixture('reader-ras'), 'b').boxes as [
      ReturnType<typeof parseMarkups>['boxes'][0],
    ];
    assert.deepEqual(box.centre, [-0.3015523871, 18.9107735512, -13.4226190031]);
    assert.deepEqual([texts, pointLabels], [['L3/L4 not calcified'], ['R-1']]);
    const renamed = parseMarkups(changed({ name: 'L3-L4' }), 'b').boxes[0]!;
    assert.deepEqual(
      [renamed.texts, renamed.pointLabels],
      [['L3-L4'], ['L4-L5 calcified-1']],
      'the old name stays in the label',
    );
    const [s, c] = [Math.sin(0.2), Math.cos(0.2)];
    // Turned about z: x' = (c, s, 0) stands in the first column.
    const turned = changed({ orientation: [c, -s, 0, s, c, 0, 0, 0, 1], coordinateSystem: 'RAS' });
    assert.deepEqual(parseMarkups(turned, 'c').boxes[0]!.box.axes[0], [-c, -s, 0]);
  });

  it('micrometres, a unit as a coded term, a centre that stands in the control point only', () => {
    const [um, coded, point] = [
      changed({ coordinateUnits: 'um', center: [1000, 2000, -3000], size: [12_000, 50_000, 30_000] }),
      changed({ coordinateUnits: ['mm', 'UCUM', 'millimeter'] }),
      changed({ center: undefined }),
    ].map((text) => parseMarkups(text, 'd').boxes[0]!.box);
    assert.deepEqual(
      [um!.centre, um!.sizeMm],
      [
        [1, 2, -3],
        [12, 50, 30],
      ],
    );
    assert.deepEqual(coded, point);
  });

  it('refuses what is no such file, naming the markup and what is wrong', () => {
    const bad: readonly (readonly [string, RegExp])[] = [
      ['{"markups": [', /^x\.mrk\.json: it is no JSON/],
      ['[]', /expected object/i],
      [
        JSON.stringify({
          ...JSON.parse(fixture('reader-lps')),
          '@schema': 'https://example.org/other-v2.json',
        }),
        /no.*3D Slicer markups schema/s,
      ],
      [JSON.stringify({ ...JSON.parse(fixture('reader-lps')), markups: [] }), /holds no markup/],
      [changed({ type: 'Line' }).replace('"ROI"', '"Plane"'), /it holds no ROI, only Line, Plane, Fiducial/],
      [changed({ size: [1, 2] }), /x\.mrk\.json, markup 1: .*size/s],
      [changed({ size: undefined }), /markup 1: .*size/s],
      [changed({ size: [1, -2, 3] }), /size is negative/],
      [changed({ roiType: 'BoundingBox' }), /roiType is BoundingBox/],
      [changed({ insideOut: true }), /inside out/],
      [changed({ coordinateUnits: 'inch' }), /coordinateUnits are inch/],
      [changed({ coordinateSystem: 'IJK' }), /coordinateSystem/],
      [changed({ center: undefined, controlPoints: [] }), /neither center nor/],
      [changed({ orientation: [1, 0, 0, 1, 0, 0, 0, 0, 1] }), /no three perpendicular unit vectors/],
      [changed({ orientation: [2, 0, 0, 0, 2, 0, 0, 0, 2] }), /no three perpendicular unit vectors/],
      [changed({ center: ['1', 2, 3] }), /markup 1: .*center/s],
    ];
    for (const [text, message] of bad)
      assert.throws(
        () => parseMarkups(text, 'x.mrk.json'),
        { code: 'MARKUP_INVALID', message },
        String(message),
      );
  });
});
