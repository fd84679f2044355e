import assert from 'node:assert/strict';
import { LEVELS } from '../../agent/domain/levels.js';
import { mrCtDoubts } from '../../agent/locate/agree.js';
import { curveDegrees, type Facts, outsideStudy } from '../../agent/locate/applicability.js';
import { jumpMm, signalVoidMm2 } from '../../agent/locate/artefacts.js';
import { ghostShare } from '../../agent/locate/ghosts.js';
import type { Marked } from '../../agent/locate/network.js';
import { signalToNoise } from '../../agent/locate/noise.js';
import { bilinear } from '../../agent/locate/resample.js';
import type { SagittalImage } from '../../agent/locate/sagittal.js';
import type { LocatedDisc } from '../../agent/locate/types.js';
import { randomFrom } from '../../models/phantom/random.js';

/** Discs from L1-L2 down with these distances between them, the row bent by these degrees at each from the third. */
function discs(steps: readonly number[], bends: readonly number[] = []): LocatedDisc[] {
  let [y, z, angle] = [0, 0, 0];
  return [0, ...steps].map((step, i) => {
    angle += ((bends[i - 2] ?? 0) * Math.PI) / 180;
    y += step * Math.sin(angle);
    z -= step * Math.cos(angle);
    return {
      level: LEVELS[i]!,
      centrePatientMm: [0, y, z],
      centrePixel: [0, 0],
      roiPixel: [0, 0, 1, 1],
      confidence: 1,
    };
  });
}

describe('MR and CT', () => {
  it('agree where the discs lie equally far apart, a few per cent of posture allowed', () => {
    assert.deepEqual(mrCtDoubts({ discs: discs([30, 33, 36, 40]) }, { discs: discs([31, 33, 35, 41]) }), []);
  });
  it('disagree where the levels of one are shifted', () => {
    const mr = { discs: discs([28, 32, 37, 43]) };
    const ct = { discs: discs([24, 28, 32, 37]) };
    assert.match(mrCtDoubts(mr, ct)[0]!, /levels one apart/);
  });
  it('disagree where the distances are those of another spine', () => {
    assert.match(
      mrCtDoubts({ discs: discs([30, 40, 30, 40]) }, { discs: discs([40, 30, 40, 30]) })[0]!,
      /MR and CT disagree/,
    );
  });
  it('disagree where the bends of one are shifted, at equal distances', () => {
    const mr = { discs: discs([34, 34, 34, 34], [2, 6, 22]) };
    assert.match(mrCtDoubts(mr, { discs: discs([34, 34, 34, 34], [0, 2, 6]) })[0]!, /levels one apart/);
    assert.deepEqual(mrCtDoubts(mr, { discs: discs([34, 34, 34, 34], [4, 4, 20]) }), []);
  });
  it('disagree where one bends as the other does not', () => {
    const mr = { discs: discs([34, 34, 34, 34], [40, -40, 40]) };
    assert.match(mrCtDoubts(mr, { discs: discs([34, 34, 34, 34]) })[0]!, /lie or bend otherwise/);
  });
  it('say nothing with too few discs', () => {
    assert.deepEqual(mrCtDoubts({ discs: discs([30, 33]) }, { discs: discs([50, 20]) }), []);
  });
});

describe('applicability', () => {
  const usual: Facts = {
    header: {
      patientAge: '045Y',
      magneticFieldStrength: 1.5,
      echoTime: 100,
      inversionTime: null,
      scanningSequence: ['SE'],
    },
    sliceMm: 4.4,
    pixelMm: 0.6,
    signalToNoise: 20,
    voidMm2: 0,
    ghostShare: 0.03,
    jumpMm: 0.5,
    curveDegrees: 5,
  };
  it('finds nothing against a usual scan, nor against one whose header says nothing', () => {
    assert.deepEqual(outsideStudy(usual), []);
    const silent = {
      patientAge: null,
      patientSize: null,
      patientWeight: null,
      magneticFieldStrength: null,
      echoTime: null,
      inversionTime: null,
      scanningSequence: [],
    };
    assert.deepEqual(outsideStudy({ ...usual, header: silent, signalToNoise: null }), []);
  });
  const header = (more: Partial<Facts['header']>) => ({ header: { ...usual.header, ...more } });
  for (const [more, pattern] of [
    [header({ patientAge: '017Y' }), /younger than 18/],
    [header({ patientAge: '180M' }), /younger than 18/],
    [header({ magneticFieldStrength: 0.3 }), /below 1 tesla/],
    [header({ magneticFieldStrength: 5000 }), /below 1 tesla/],
    [header({ echoTime: 12 }), /not T2-weighted/],
    [header({ scanningSequence: ['SE', 'IR'] }), /inversion recovery/],
    [{ sliceMm: 6 }, /further apart/],
    [{ sliceMm: null }, /single slice/],
    [{ pixelMm: 1.3 }, /larger than 1.2/],
    [{ signalToNoise: 3 }, /signal-to-noise/],
    [{ voidMm2: 200 }, /signal void/],
    [{ ghostShare: 0.12 }, /ghosts of motion/],
    [{ jumpMm: 4 }, /moved between slices/],
    [{ curveDegrees: 25 }, /scoliosis/],
  ] as const)
    it(`says ${pattern.source}`, () => {
      const reasons = outsideStudy({ ...usual, ...more });
      assert.equal(reasons.length, 1);
      assert.match(reasons[0]!, pattern);
    });

  const side = 64;
  /** 64 by 64 pixels, all of them vertebra or only the columns in front. */
  function picture(value: (i: number) => number, { boneColumns = side } = {}): [SagittalImage, Marked] {
    const pixels = Float32Array.from({ length: side * side }, (_, i) => value(i));
    const image = {
      pixels,
      rows: side,
      columns: side,
      plane: { spacingMm: [0.5, 0.5] },
    } as unknown as SagittalImage;
    const marked = {
      rows: side,
      columns: side,
      rowScale: 1,
      colScale: 1,
      tissue: Uint8Array.from({ length: side * side }, (_, i) => (i % side < boneColumns ? 1 : 0)),
    };
    return [image, marked as unknown as Marked];
  }
  it('measures the noise that is there, not the slope under it', () => {
    const { normal } = randomFrom('noise');
    const snr = signalToNoise(...picture((i) => 200 + (i % 64) + 10 * normal()))!;
    assert.ok(snr > 21 && snr < 26, `${snr}`);
  });
  it('measures a signal void in mm2', () => {
    assert.equal(signalVoidMm2(...picture((i) => (i < 640 ? 0 : 100))), 160);
    assert.equal(signalVoidMm2(...picture(() => 100)), 0);
  });
  it('takes neither thin dark lines nor discs for a void', () => {
    assert.equal(signalVoidMm2(...picture((i) => (i % 640 < 128 ? 0 : 100))), 0);
    const [image, marked] = picture((i) => (i < 640 ? 0 : 100));
    assert.equal(
      signalVoidMm2(image, { ...marked, tissue: marked.tissue.map((t, i) => (i < 640 ? 3 : t)) }),
      0,
    );
  });
  it('measures structure in the air behind the back, and neither the noise there nor an even glow', () => {
    const { normal } = randomFrom('air');
    /** A body of 200 in front, air behind the 24th column, noise in both channels. */
    const scan = (air: (col: number) => number, noise: number) =>
      ghostShare(
        ...picture(
          (i) => Math.hypot((i % 64 < 24 ? 200 : air(i % 64)) + noise * normal(), noise * normal()),
          { boneColumns: 20 },
        ),
      )!;
    const none = scan(() => 0, 20);
    const glow = scan(() => 30, 5);
    const some = scan((col) => 30 + 30 * Math.sin((2 * Math.PI * col) / 12), 5);
    assert.ok(none < 0.03, `${none}`);
    assert.ok(glow < 0.02, `${glow}`);
    assert.ok(some > 0.06 && some < 0.12, `${some}`);
  });
  it('takes the noise of an interpolated picture for noise', () => {
    const { normal } = randomFrom('interpolated');
    const coarse = () => Float32Array.from({ length: 34 * 34 }, () => 20 * normal());
    const [real, imaginary] = [coarse(), coarse()];
    const at = (noise: Float32Array, i: number) =>
      bilinear({ pixels: noise, rows: 34, columns: 34 }, (i % 64) / 2 + 0.25, Math.floor(i / 64) / 2 + 0.25);
    const share = ghostShare(
      ...picture((i) => Math.hypot((i % 64 < 24 ? 200 : 0) + at(real, i), at(imaginary, i)), {
        boneColumns: 20,
      }),
    )!;
    assert.ok(share < 0.06, `${share}`);
  });
  it('measures no ghosts where no air is seen, or where air is bright', () => {
    assert.equal(ghostShare(...picture(() => 200)), null);
    assert.equal(ghostShare(...picture((i) => (i % 64 < 24 ? 100 : 300), { boneColumns: 20 })), null);
    assert.equal(ghostShare(...picture(() => 0)), null);
  });
  it('measures how far discs jump from slice to slice', () => {
    const disc = (jump: number) =>
      Array.from({ length: 7 }, (_, i) => ({ positionMm: i * 4, place: [i * 0.5, (i % 2) * jump] as const }));
    assert.ok(jumpMm([disc(0), disc(0)])! < 1e-9);
    assert.ok(Math.abs(jumpMm([disc(5), disc(5)])! - 5) < 1e-9);
    assert.equal(jumpMm([disc(5).slice(0, 3)]), null);
  });
  it('measures the sideways angle between the ends of the row', () => {
    assert.ok(
      Math.abs(
        curveDegrees([
          [0, 0],
          [0, 30],
          [0, 60],
          [0, 90],
        ]),
      ) < 1e-9,
    );
    const bent = curveDegrees([
      [0, 0],
      [10, 30],
      [15, 60],
      [15, 90],
      [10, 120],
    ]);
    assert.ok(bent > 26 && bent < 29, `${bent}`);
  });
});
