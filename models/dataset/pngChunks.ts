import { CalcidiscError } from '../../agent/domain/errors.js';

/**
 * Chunks that say how the pixels are to be shown and nothing about whose they are (W3C PNG, third edition, 11.2 and
 * 11.3). Text, time and private chunks are not among them: a picture that has one does not leave.
 */
const HARMLESS = new Set(['IHDR', 'IDAT', 'IEND', 'pHYs', 'gAMA', 'cHRM', 'sRGB', 'sBIT', 'bKGD']);
const SIGNATURE_BYTES = 8;
const FRAME_BYTES = 12;

/** @throws CalcidiscError REGION_INVALID naming the chunk, or what follows the image */
export function refuseHiddenText(png: Uint8Array, what: string): void {
  const bytes = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
  let at = SIGNATURE_BYTES;
  for (let type = ''; type !== 'IEND'; ) {
    if (at + FRAME_BYTES > bytes.length) throw refusal(what, 'is cut short');
    type = bytes.toString('latin1', at + 4, at + 8);
    if (!HARMLESS.has(type))
      throw refusal(what, `has a chunk ${JSON.stringify(type)}, which may say whose it is`);
    at += FRAME_BYTES + bytes.readUInt32BE(at);
  }
  if (at !== bytes.length) throw refusal(what, `has ${bytes.length - at} bytes after the image`);
}

function refusal(what: string, problem: string): CalcidiscError {
  return new CalcidiscError('REGION_INVALID', `the stored region ${what} ${problem}`);
}
