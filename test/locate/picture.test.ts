import assert from 'node:assert/strict';
import sharp from 'sharp';
import { drawResult, wrapped } from '../../agent/locate/picture.js';

describe('the picture of a located series', () => {
  const grey = sharp({ create: { width: 200, height: 300, channels: 3, background: '#222' } })
    .png()
    .toBuffer();
  const disc = {
    level: 'L5-S1' as const,
    centrePatientMm: [0, 0, 0] as const,
    centrePixel: [60, 200] as const,
    roiPixel: [30, 180, 90, 220] as const,
    confidence: 0.97,
  };
  const draw = async (status: 'located' | 'uncertain', reasons: readonly string[]) =>
    drawResult(await grey, [1, 1], { status, reasons, discs: [disc] });

  it('wraps the reasons so that none runs out of the picture', async () => {
    const reasons = Array.from({ length: 6 }, (_, i) => `reason ${i} with some words to fill a line`);
    const plain = await sharp(await draw('located', [])).metadata();
    const full = await sharp(await draw('uncertain', reasons)).metadata();
    assert.equal(full.width, plain.width);
    assert.ok(full.height! >= plain.height! + 40, `${full.height} against ${plain.height}`);
    for (const line of wrapped(reasons.join(' · '), 50)) assert.ok(line.length <= 50, line);
    assert.equal(wrapped(reasons.join(' '), 50).join(' '), reasons.join(' '));
  });

  it('states no per cent for a level in doubt', async () => {
    // The same reason in both, so that the label alone differs: "L5-S1 97%" is wider than "L5-S1?".
    const inked = async (status: 'located' | 'uncertain') => {
      const { data, info } = await sharp(await draw(status, []))
        .extract({ left: 290, top: 600, width: 300, height: 60 })
        .greyscale()
        .raw()
        .toBuffer({ resolveWithObject: true });
      let right = 0;
      for (let i = 0; i < data.length; i++) if (data[i]! > 80) right = Math.max(right, i % info.width);
      return right;
    };
    const [sure, doubted] = [await inked('located'), await inked('uncertain')];
    assert.ok(doubted > 20 && sure > doubted + 20, `${sure} against ${doubted}`);
  });
});
