import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { sha256 } from '../../agent/domain/hash.js';
import { REGION_SIDE } from '../../agent/domain/regionPicture.js';
import { greyPng } from '../../agent/locate/png.js';
import { GREY_PERCENTILES, regionOf, regionPixels } from '../../agent/locate/region.js';
import { percentileOfSorted, percentiles, rescale } from '../../agent/locate/resample.js';
import type { PixelBox } from '../../agent/locate/types.js';
import { projectRoot } from '../../config/root.js';

interface Parity {
  readonly spacingMm: readonly [number, number];
  readonly marginMm: number;
  readonly extent: PixelBox;
  readonly region: PixelBox;
  readonly cases: readonly {
    name: string;
    rows: number;
    columns: number;
    box: PixelBox;
    low: number;
    high: number;
    sha256: string;
    probes: { row: number; col: number; grey: number }[];
  }[];
}

/** Written by the training code (models/training): both sides must see the same region. */
const parity: Parity = JSON.parse(readFileSync(join(projectRoot, 'test/fixtures/roi-parity.json'), 'utf8'));

function drawn(rows: number, columns: number) {
  const pixels = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let col = 0; col < columns; col++)
      pixels[row * columns + col] =
        (row * row * 7 + col * 13 + ((row * col) % 31) * 5 + (col % 7) * (row % 5) * 9) % 997;
  return { pixels, rows, columns };
}

describe('region', () => {
  for (const { name, rows, columns, box, ...expected } of parity.cases)
    it(`is the same picture as in training: ${name}`, () => {
      const slice = drawn(rows, columns);
      const [low, high] = percentiles(slice.pixels, GREY_PERCENTILES) as [number, number];
      assert.deepEqual([low, high], [expected.low, expected.high]);
      const grey = regionPixels(slice, box, low, high);
      for (const { row, col, grey: value } of expected.probes)
        assert.equal(grey[row * REGION_SIDE + col], value, `at row ${row}, column ${col}`);
      assert.equal(createHash('sha256').update(grey).digest('hex'), expected.sha256);
    });

  it('reaches the margin beyond the disc on every side, as in training', () => {
    const isDisc = (row: number, col: number) =>
      ((row - 44) / 6) ** 2 + ((col - 38) / 17) ** 2 <= 1 || (row === 46 && col >= 50 && col <= 62);
    const rows: number[] = [];
    const cols: number[] = [];
    for (let row = 0; row < 96; row++)
      for (let col = 0; col < 80; col++)
        if (isDisc(row, col)) {
          rows.push(row);
          cols.push(col);
        }
    cols.sort((a, b) => a - b);
    const extent = [
      percentileOfSorted(cols, 2),
      percentileOfSorted(rows, 2),
      percentileOfSorted(cols, 98),
      percentileOfSorted(rows, 98),
    ] as const;
    assert.deepEqual(extent, parity.extent);
    assert.deepEqual(regionOf(extent, parity.spacingMm, parity.marginMm), parity.region);
  });

  it('gives the same PNG bytes for the same pixels, and they read back', async () => {
    const grey = regionPixels(drawn(96, 80), parity.cases[0]!.box, 0, 997);
    const first = await greyPng(grey, REGION_SIDE, REGION_SIDE);
    assert.equal(sha256(first), sha256(await greyPng(grey.slice(), REGION_SIDE, REGION_SIDE)));
    const { default: sharp } = await import('sharp');
    // PNG colour type 0, 8 bits deep: one grey value per pixel (PNG 11.2.2).
    assert.deepEqual([...first.subarray(24, 26)], [8, 0]);
    const data = await sharp(first).extractChannel(0).raw().toBuffer();
    assert.deepEqual(new Uint8Array(data), grey);
  });
});

describe('percentiles', () => {
  it('are those of the sorted values, to the last bit', () => {
    fc.assert(
      fc.property(
        fc.float32Array({ minLength: 1, maxLength: 300, noNaN: true, noDefaultInfinity: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (values, share) => {
          const scaled = values.map((value) => Math.max(-1e6, Math.min(1e6, value)));
          const sorted = scaled.slice().sort();
          assert.equal(percentiles(scaled, [share])[0], percentileOfSorted(sorted, share));
        },
      ),
    );
  });
});

describe('resampling', () => {
  const grids = fc.record({
    rows: fc.integer({ min: 1, max: 40 }),
    columns: fc.integer({ min: 1, max: 40 }),
    scale: fc.double({ min: 0.3, max: 4, noNaN: true }),
  });

  it('leaves a flat picture flat at any scale', () => {
    fc.assert(
      fc.property(grids, ({ rows, columns, scale }) => {
        const flat = { pixels: new Float32Array(rows * columns).fill(7), rows, columns };
        for (const value of rescale(flat, scale, scale * 0.8).pixels) assert.ok(Math.abs(value - 7) < 1e-4);
      }),
    );
  });

  it('is the mean of 2 by 2 blocks at half the size, as the training code halves', () => {
    const { pixels, rows, columns } = rescale(drawn(8, 6), 2, 2);
    assert.deepEqual([rows, columns], [4, 3]);
    const full = drawn(8, 6).pixels;
    const mean = (full[2 * 6 + 4]! + full[2 * 6 + 5]! + full[3 * 6 + 4]! + full[3 * 6 + 5]!) / 4;
    assert.ok(Math.abs(pixels[1 * 3 + 2]! - mean) < 1e-3);
  });

  it('keeps a ramp where it is: no shift by part of a pixel', () => {
    const ramp = { pixels: Float32Array.from({ length: 50 }, (_, i) => i), rows: 1, columns: 50 };
    for (const scale of [0.5, 0.94 / 0.47, 1.7]) {
      const { pixels, columns } = rescale(ramp, 1, scale);
      for (let i = 2; i < columns - 2; i++)
        // Pixels are squares of one value, so that a box that cuts them is off by at most an eighth of a pixel.
        assert.ok(Math.abs(pixels[i]! - ((i + 0.5) * scale - 0.5)) < 0.13, `scale ${scale}, pixel ${i}`);
    }
  });
});
