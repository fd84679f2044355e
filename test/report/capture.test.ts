import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { buildReport } from '../../agent/report/build.js';
import { buildCapture } from '../../agent/report/capture.js';
import { drawCapture } from '../../agent/report/capturePicture.js';
import type { ReportInput } from '../../agent/report/types.js';
import { needsPeer } from '../support/peers.js';
import { reportInput } from './sample.js';

const COLUMNS = 320;
const ROWS = 384;

async function slice() {
  const grey = { create: { width: COLUMNS, height: ROWS, channels: 3, background: '#606060' } } as const;
  const png = await sharp(grey).toColourspace('b-w').png().toBuffer();
  return { png: new Uint8Array(png), pixelSpacingMm: [0.9, 0.9] as const };
}

const capture = async (changes: Partial<ReportInput> = {}) =>
  buildCapture(reportInput(changes), await slice());

describe('report: picture for viewers that show no SR', () => {
  it('is sharp: 1024 pixels or more either way, whatever the slice', async () => {
    const { width, height, pixels } = await drawCapture(reportInput(), await slice());
    assert.ok(width >= 1024 && height >= 1024, `${width} by ${height}`);
    assert.equal(pixels.length, width * height * 3);
  });

  it('marks a flagged disc so that it is told apart without colour', async () => {
    const { width, pixels, height } = await drawCapture(reportInput(), await slice());
    // Bright pixels on the left edge of each region: a whole, thick line against a broken, thin one.
    const [top, scale] = [height - 1200 - 174, 1200 / ROWS];
    const bright = [0, 1, 2, 3, 4].map((i) => {
      let count = 0;
      const [x, y0, y1] = [100.75 * scale, 40 + 60 * i, 85 + 60 * i].map(Math.round) as [
        number,
        number,
        number,
      ];
      for (let y = Math.round(top + y0 * scale) + 10; y < top + y1 * scale - 10; y++)
        for (let dx = -4; dx <= 4; dx++) count += pixels[3 * (y * width + x + dx)]! > 180 ? 1 : 0;
      return count;
    });
    assert.ok(
      bright.every((count, i) => i === 3 || count * 2 < bright[3]!),
      String(bright),
    );
  });

  it('gives every revision of a case the next instance of one series, apart from the SR', async () => {
    const [first, again, second] = [await capture(), await capture(), await capture({ revision: 2 })];
    assert.deepEqual(first.file, again.file, 'the same bytes for the same input');
    assert.equal(first.seriesInstanceUid, second.seriesInstanceUid);
    assert.notEqual(first.sopInstanceUid, second.sopInstanceUid);
    assert.notEqual(first.seriesInstanceUid, buildReport(reportInput()).seriesInstanceUid);
  });

  it('is a valid Secondary Capture, of a study without discs and of a long doubt too', async function () {
    this.timeout(60_000);
    needsPeer(this, 'dicom3tools');
    const folder = mkdtempSync(join(tmpdir(), 'capture-'));
    const shapes: Partial<ReportInput>[] = [
      {},
      {
        discs: [],
        classifier: null,
        localisation: { status: 'not-found', reasons: ['no disc < here & there'] },
      },
      {
        localisation: {
          status: 'uncertain',
          reasons: Array.from({ length: 6 }, () => 'a reason of many words'),
        },
      },
    ];
    try {
      for (const shape of shapes) {
        writeFileSync(join(folder, 'sc.dcm'), (await capture(shape)).file);
        const { stderr } = spawnSync('dciodvfy', [join(folder, 'sc.dcm')], { encoding: 'utf8' });
        assert.doesNotMatch(stderr, /Error|Warning/);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
