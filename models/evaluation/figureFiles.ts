import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Figure } from './figures.js';

/** NAME.svg, and NAME.png for what cannot show SVG. */
export async function writeFigures(folder: string, figures: readonly Figure[]): Promise<void> {
  for (const { name, svg } of figures) {
    await writeFile(join(folder, `${name}.svg`), svg);
    const png = await sharp(Buffer.from(svg), { density: 192 }).png({ palette: true }).toBuffer();
    await writeFile(join(folder, `${name}.png`), png);
  }
}
