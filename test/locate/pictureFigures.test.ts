import assert from 'node:assert/strict';
import { REGION_PIXELS, REGION_SIDE } from '../../agent/domain/regionPicture.js';
import { pictureFiguresOf } from '../../agent/locate/pictureFigures.js';

/** A dark disc with a soft rim of so many pixels, on grey. */
function region(rim: number, scale = 1, shift = 0): Uint8Array {
  return Uint8Array.from({ length: REGION_PIXELS }, (_, at) => {
    const [row, col] = [Math.floor(at / REGION_SIDE) - 112, (at % REGION_SIDE) - 112];
    const inside = Math.min(1, Math.max(0, 0.5 + (60 - Math.hypot(row * 2, col)) / rim));
    return Math.round(shift + scale * (140 - 80 * inside));
  });
}

describe('what a picture looks like that was read', () => {
  const of = (grey: Uint8Array) => pictureFiguresOf([grey], 25)!;

  it('blur takes sharpness away; brightness and contrast do not', () => {
    const sharp = of(region(6));
    assert.ok(of(region(24)).sharpness < 0.9 * sharp.sharpness);
    for (const other of [of(region(6, 1, 60)), of(region(6, 0.6)), of(region(6, 1.5))])
      assert.ok(Math.abs(other.sharpness / sharp.sharpness - 1) < 0.02, String(other.sharpness));
    assert.ok(of(region(6, 1, 60)).grey > sharp.grey + 59);
  });

  it('over all regions together; noise is the inverse of what was measured, and null stays null', () => {
    const [a, b] = [region(6), region(6, 1, 40)];
    const both = pictureFiguresOf([a, b], 25)!;
    assert.ok(Math.abs(both.grey - (of(a).grey + of(b).grey) / 2) < 1e-9);
    assert.equal(both.noise, 0.04);
    for (const nothing of [null, 0, -3]) assert.equal(pictureFiguresOf([a], nothing)!.noise, null);
  });

  it('no region, no figures; one grey has no sharpness', () => {
    assert.equal(pictureFiguresOf([], 25), null);
    assert.equal(of(new Uint8Array(REGION_PIXELS).fill(9)).sharpness, 0);
  });
});
