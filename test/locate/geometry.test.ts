import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { add, indexToPatient, scale } from '../../agent/dicom/geometry.js';
import { LEVELS } from '../../agent/domain/levels.js';
import { type Locator, openLocator } from '../../agent/locate/pool.js';
import { readSeries } from '../../agent/locate/series.js';
import type { Located, LocateResult } from '../../agent/locate/types.js';
import { parseConfig } from '../../config/load.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import type { Elements } from '../dicom/writePart10.js';
import { UNUSED_CT } from '../support/coarse.js';
import { type Drawn, drawnOf, type Encoding, writeEnhanced, writeSingles } from '../support/encoded.js';

const AS_IS: Encoding = { slope: 1, intercept: 0 };

/** Series as scanners and archives garble them: the same spine must come out, or the reason why not. */
describe('MR geometry through the whole path', function () {
  this.timeout(300_000);
  let folder: string;
  let locator: Locator;
  let slices: readonly Drawn[];
  let plain: Located<LocateResult>;
  let count = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'calcidisc-geometry-'));
    const outDir = join(folder, 'phantom');
    await writePhantom({ outDir, seed: 32, mr: { slices: 9, matrix: 256 }, ct: UNUSED_CT });
    const names = (await readdir(join(outDir, 'mr'))).sort();
    const { images } = await readSeries(names.map((name) => join(outDir, 'mr', name)));
    slices = images.map(drawnOf);
    locator = await openLocator(parseConfig({}), pino({ level: 'silent' }));
    plain = await locate(slices);
    // How sure the levels are is the localiser's matter; here it is where the discs lie.
    assert.equal(plain.result.discs.length, LEVELS.length, plain.result.reasons.join());
  });
  after(async () => {
    await locator?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  async function newFolder(): Promise<string> {
    const path = join(folder, `case-${count++}`);
    await mkdir(path);
    return path;
  }

  async function locate(
    images: readonly Drawn[],
    more?: (index: number) => Elements,
  ): Promise<Located<LocateResult>> {
    return locator.locateMr(await writeSingles(await newFolder(), 'MR', images, AS_IS, more));
  }

  /** The same five discs at the same places of the patient; `axes` without 0 where another slice may be the middle. */
  function assertSameSpine(
    { result }: Located<LocateResult>,
    withinMm = 0.01,
    axes: readonly number[] = [0, 1, 2],
  ): void {
    assert.deepEqual(
      result.discs.map(({ level }) => level),
      [...LEVELS],
      result.reasons.join(),
    );
    for (const [i, disc] of result.discs.entries()) {
      const expected = plain.result.discs[i]!.centrePatientMm;
      const apart = Math.hypot(...axes.map((axis) => disc.centrePatientMm[axis]! - expected[axis]!));
      assert.ok(apart <= withinMm, `${disc.level} is ${apart} mm away`);
    }
  }

  it('takes slices in any order, whatever InstanceNumber says', async () => {
    const shuffled = slices.map((_, i) => slices[(i * 5 + 2) % slices.length]!);
    assertSameSpine(await locate(shuffled, (i) => ({ InstanceNumber: String(((i * 7) % 9) + 1) })));
    assertSameSpine(await locate(shuffled, () => ({ InstanceNumber: '' })));
  });

  for (const [name, turn] of [
    ['rows from below up', (slice) => reordered(slice, (col, row, { rows }) => [col, rows - 1 - row])],
    ['columns from back to front', (slice) => reordered(slice, (col, row, p) => [p.columns - 1 - col, row])],
    ['rows and columns exchanged', (slice) => reordered(slice, (col, row) => [row, col])],
  ] as const satisfies readonly (readonly [string, (slice: Drawn) => Drawn])[])
    it(`reads ${name} as the same picture, and answers in stored pixels`, async () => {
      const turned = slices.map(turn);
      const located = await locate(turned);
      assertSameSpine(located);
      assert.deepEqual(
        located.regions.map(({ sha256 }) => sha256),
        plain.regions.map(({ sha256 }) => sha256),
      );
      for (const disc of located.result.discs) {
        const slice = disc.slice ?? located.result.slice!;
        const { plane } = turned.find(
          ({ plane: { origin } }) =>
            Math.abs(origin[0] - disc.centrePatientMm[0]) < 0.01 && slice.count === slices.length,
        )!;
        const back = indexToPatient(plane, ...disc.centrePixel);
        assert.ok(Math.hypot(...back.map((mm, axis) => mm - disc.centrePatientMm[axis]!)) < 0.01, disc.level);
      }
    });

  it('follows an oblique stack: slices turned by 14 degrees', async () => {
    const outDir = join(folder, 'oblique');
    const mr = { slices: 11, matrix: 256, obliqueDeg: 14 };
    const truth = await writePhantom({ outDir, seed: 32, mr, ct: UNUSED_CT });
    const names = (await readdir(join(outDir, 'mr'))).sort();
    const { result } = await locator.locateMr(names.map((name) => join(outDir, 'mr', name)));
    assert.deepEqual(
      result.discs.map(({ level }) => level),
      [...LEVELS],
    );
    for (const disc of result.discs) {
      const { sopInstanceUid } = disc.slice ?? result.slice!;
      const own = truth.mr.slices.find((slice) => slice.sopInstanceUid === sopInstanceUid)!.discs[
        disc.level
      ]!;
      const apart = Math.hypot(...disc.centrePatientMm.map((mm, axis) => mm - own.centrePatientMm[axis]!));
      assert.ok(apart < 5, `${disc.level} is ${apart} mm away`);
    }
  });

  it('says that slices are missing, and reads the others', async () => {
    const located = await locate(slices.filter((_, i) => i !== 1));
    assert.ok(located.result.reasons.includes('gap between slices'), located.result.reasons.join());
    assertSameSpine(located, 3, [1, 2]);
  });

  it('says that slices came twice, and reads them once', async () => {
    const located = await locate([...slices, slices[4]!, slices[2]!]);
    assert.ok(located.result.reasons.includes('duplicate slices'));
    assert.equal(located.result.slice!.count, slices.length);
    assertSameSpine(located);
  });

  it('says that slices lie unevenly', async () => {
    const moved = slices.map((slice, i) => (i === 0 ? shifted(slice, 0.8) : slice));
    assert.ok((await locate(moved)).result.reasons.includes('uneven spacing'));
  });

  it('reads the sagittal stack where a transversal one lies in the same series', async () => {
    const axial = slices.slice(0, 4).map(({ plane, values }, i): Drawn => {
      const { origin, spacingMm, rows, columns } = plane;
      return {
        values,
        plane: {
          origin: [origin[0], origin[1], i * 5],
          along: [1, 0, 0],
          down: [0, 1, 0],
          spacingMm,
          rows,
          columns,
        },
      };
    });
    assertSameSpine(await locate([...axial, ...slices]));
  });

  it('reads the longest echo where there are two', async () => {
    const early = slices.map(({ plane, values }) => ({ plane, values: values.map((value) => 4095 - value) }));
    const echo = (i: number): Elements =>
      i < slices.length ? { EchoTime: '12', EchoNumbers: '1' } : { EchoTime: '102', EchoNumbers: '2' };
    const located = await locate([...early, ...slices], echo);
    assertSameSpine(located);
    assert.equal(located.result.slice!.count, slices.length);
  });

  it('reads an enhanced multi-frame object, frames in any order, echoes apart', async () => {
    const shuffled = slices.map((_, i) => slices[(i * 4 + 3) % slices.length]!);
    const path = join(await newFolder(), '1.dcm');
    const located = await locator.locateMr([await writeEnhanced(path, 'MR', shuffled, AS_IS)]);
    assertSameSpine(located);
    // The frame, as it stands in the object, that shows what the plain series shows in its middle slice.
    const { index, frameNumber } = located.result.slice!;
    assert.equal(index, plain.result.slice!.index);
    assert.equal(shuffled[frameNumber! - 1], slices[index]);
    assert.equal(plain.result.slice!.frameNumber, undefined);
    const dark = slices.map(({ plane, values }) => ({ plane, values: values.map((value) => 4095 - value) }));
    const both = join(await newFolder(), '1.dcm');
    const echo = (i: number): Elements => ({
      MREchoSequence: [{ EffectiveEchoTime: [i < slices.length ? 12 : 102] }],
    });
    assertSameSpine(
      await locator.locateMr([await writeEnhanced(both, 'MR', [...dark, ...slices], AS_IS, echo)]),
    );
  });

  for (const [tag, value, reason] of [
    ['ImageOrientationPatient', '', /ImageOrientationPatient is missing/],
    ['ImagePositionPatient', '', /ImagePositionPatient is missing/],
    ['PixelSpacing', '', /PixelSpacing is missing/],
    ['ImageOrientationPatient', '0\\1\\0\\0\\1\\0', /no pair of perpendicular unit vectors/],
    ['PixelSpacing', '0\\0', /PixelSpacing is not positive/],
  ] as const) {
    it(`leaves out one slice whose ${tag} is '${value}', and says so`, async () => {
      const located = await locate(slices, (i) => (i === 0 ? { [tag]: value } : {}));
      assert.ok(
        located.result.reasons.some((each) => reason.test(each)),
        located.result.reasons.join(),
      );
      assertSameSpine(located, 3, [1, 2]);
    });
    it(`finds nothing, with the reason, where every ${tag} is '${value}'`, async () => {
      const { result } = await locate(slices, () => ({ [tag]: value }));
      assert.deepEqual([result.status, result.discs], ['not-found', []]);
      assert.ok(
        result.reasons.some((each) => reason.test(each)),
        result.reasons.join(),
      );
    });
  }

  for (const [name, orientation] of [
    ['axial', '1\\0\\0\\0\\1\\0'],
    ['coronal', '1\\0\\0\\0\\0\\-1'],
  ] as const)
    it(`refuses an MR that is ${name} only`, async () => {
      const positions = (i: number) => (name === 'axial' ? `0\\0\\${i * 5}` : `0\\${i * 5}\\0`);
      const { result } = await locate(slices, (i) => ({
        ImageOrientationPatient: orientation,
        ImagePositionPatient: positions(i),
      }));
      assert.deepEqual(
        [result.status, result.reasons],
        ['not-found', [`no sagittal slices: the series is ${name}`]],
      );
    });
});

/** The same pixels at the same places, stored in another order. */
function reordered(
  { plane, values }: Drawn,
  from: (col: number, row: number, plane: Drawn['plane']) => readonly [col: number, row: number],
): Drawn {
  const at = (col: number, row: number) => indexToPatient(plane, ...from(col, row, plane));
  const isExchanged = from(1, 0, plane)[0] === from(0, 0, plane)[0];
  const [rows, columns] = isExchanged ? [plane.columns, plane.rows] : [plane.rows, plane.columns];
  const spacingMm = isExchanged ? ([plane.spacingMm[1], plane.spacingMm[0]] as const) : plane.spacingMm;
  const step = (a: readonly number[], b: readonly number[], mm: number) =>
    a.map((v, i) => (b[i]! - v) / mm) as unknown as Drawn['plane']['along'];
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let col = 0; col < columns; col++) {
      const [c, r] = from(col, row, plane);
      turned[row * columns + col] = values[r * plane.columns + c]!;
    }
  return {
    values: turned,
    plane: {
      origin: at(0, 0),
      along: step(at(0, 0), at(1, 0), spacingMm[1]),
      down: step(at(0, 0), at(0, 1), spacingMm[0]),
      spacingMm,
      rows,
      columns,
    },
  };
}

function shifted({ plane, values }: Drawn, mm: number): Drawn {
  return { values, plane: { ...plane, origin: add(plane.origin, scale([1, 0, 0], mm)) } };
}
