import assert from 'node:assert/strict';
import { ghostShare } from '../../agent/locate/ghosts.js';
import { TISSUE } from '../../agent/locate/logits.js';
import type { Marked } from '../../agent/locate/network.js';
import type { SagittalImage } from '../../agent/locate/sagittal.js';
import { randomFrom } from '../../models/phantom/random.js';

const SIDE = 200;
const SKIN = { from: 130, to: 142 } as const;

/** A block of vertebrae of 100, skin of 150, and behind it air as `air` gives it; 1 mm pixels. */
function shown(air: (row: number, col: number) => number): number | null {
  const isBone = (row: number, col: number) => row > 40 && row < 160 && col > 60 && col < 100;
  const grid = { rows: SIDE, columns: SIDE };
  const each = (value: (row: number, col: number) => number) =>
    Array.from({ length: SIDE * SIDE }, (_, at) => value(Math.floor(at / SIDE), at % SIDE));
  const pixels = Float32Array.from(
    each((row, col) => {
      if (isBone(row, col)) return 100;
      if (col >= SKIN.from && col < SKIN.to) return 150;
      return col < SKIN.from ? 30 : air(row, col);
    }),
  );
  const tissue = Uint8Array.from(
    each((row, col) => (isBone(row, col) ? TISSUE.vertebra : TISSUE.background)),
  );
  const image = { ...grid, pixels, plane: { spacingMm: [1, 1] } } as unknown as SagittalImage;
  return ghostShare(image, { ...grid, tissue, rowScale: 1, colScale: 1 } as unknown as Marked);
}

const BOUND = 0.035;

describe('ghosts of motion in the air behind the back', () => {
  it('are edges repeated along the air', () => {
    const bands = shown((row, col) => 12 + 12 * Math.sin((2 * Math.PI * (col + row / 9)) / 9));
    assert.ok(bands! > 2 * BOUND, `${bands}`);
  });

  it('are not the even glow that smoothing makes of noise', () => {
    const glow = shown((_, col) => 14 + (col - SKIN.to) / 20);
    assert.ok(glow! < BOUND / 3, `${glow}`);
  });

  it('are not noise', () => {
    const random = randomFrom('air', 1);
    const noise = shown(() => Math.hypot(15 * random.normal(), 15 * random.normal()));
    assert.ok(noise! < BOUND, `${noise}`);
  });

  it('are not a white frame, at the edge or within the picture', () => {
    for (const at of [SIDE - 1, SIDE - 2, SIDE - 25]) {
      const framed = shown((_, col) => (col === at ? 255 : 0));
      assert.ok(framed! < BOUND / 3, `column ${at}: ${framed}`);
    }
  });

  it('cannot be told where the picture shows no air', () => {
    assert.equal(
      shown(() => 150),
      null,
    );
  });
});
