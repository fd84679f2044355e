import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { greyRange } from '../../../agent/locate/cut.js';
import type { ReadStack } from './readSlices.js';

/**
 * One stack for Python: `stack.json`, `pixels.f32` and `labels.u8`, slice after slice, little-endian, row by row.
 * Slices may differ in size; stack.json has each one's rows and columns.
 */
export async function writeSlices(folder: string, stack: ReadStack): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { slices, ...about } = stack;
  const described = slices.map(({ source, image, positionMm, discs }) => ({
    sopInstanceUid: source.sopInstanceUid,
    rows: image.rows,
    columns: image.columns,
    spacingMm: image.plane.spacingMm,
    grey: greyRange(image),
    positionMm,
    discs,
  }));
  await writeFile(
    join(folder, 'pixels.f32'),
    Buffer.concat(slices.map(({ image }) => bytesOf(image.pixels))),
  );
  await writeFile(join(folder, 'labels.u8'), Buffer.concat(slices.map(({ labels }) => bytesOf(labels))));
  await writeFile(join(folder, 'stack.json'), JSON.stringify({ ...about, slices: described }));
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
