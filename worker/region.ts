import sharp from 'sharp';
import { CalcidiscError, type ErrorSubject } from '../agent/domain/errors.js';
import { sha256 } from '../agent/domain/hash.js';
import { REGION_PIXELS, REGION_SIDE } from '../agent/domain/regionPicture.js';
import { COLOUR_TYPES, decodeGreyPng, type PngHeader, readPngHeader } from './png.js';

export interface StoredRegion {
  readonly png: Uint8Array;
  /** Lower-case hexadecimal, written when the region was cut. */
  readonly pngSha256: string;
}

/** A stored region, or the grey values themselves. */
export type RegionInput = StoredRegion | Uint8Array;

/**
 * The grey values of a stored region, row by row, after its hash is found to be the recorded one.
 * @throws CalcidiscError REGION_CORRUPT, REGION_INVALID
 */
export async function openRegion(region: StoredRegion, subject: ErrorSubject = {}): Promise<Uint8Array> {
  const found = sha256(region.png);
  if (found === region.pngSha256) return decodeRegion(region.png, subject);
  throw new CalcidiscError(
    'REGION_CORRUPT',
    `the stored region has SHA-256 ${found}, recorded was ${region.pngSha256}`,
    subject,
  );
}

/**
 * 224 * 224 grey values, row by row, of an 8-bit grey PNG.
 * @throws CalcidiscError REGION_INVALID saying what the image is instead
 */
export async function decodeRegion(png: Uint8Array, subject: ErrorSubject = {}): Promise<Uint8Array> {
  const refuse = (what: string, cause?: unknown) =>
    new CalcidiscError('REGION_INVALID', `not a 224 by 224 8-bit grey PNG: ${what}`, subject, { cause });
  const header = readPngHeader(png);
  if (header === null) throw refuse('it is no PNG');
  if (header.width !== REGION_SIDE || header.height !== REGION_SIDE)
    throw refuse(`it is ${header.width} by ${header.height}`);
  if (header.bitDepth !== 8) throw refuse(`it has ${header.bitDepth} bits`);
  const kind = COLOUR_TYPES[header.colourType] ?? 'of an unknown colour type';
  if (kind !== 'grey' && kind !== 'in colour') throw refuse(`it is ${kind}`);
  const grey = await decode(png, header).catch((cause: unknown) => {
    throw refuse('its pixels cannot be decoded', cause);
  });
  if (grey === null) throw refuse('it is in colour');
  return grey;
}

/** null for colour. */
async function decode(png: Uint8Array, header: PngHeader): Promise<Uint8Array | null> {
  const isGrey = header.colourType === 0;
  if (isGrey && !header.interlaced) return decodeGreyPng(png, header);
  const pixels = isGrey ? sharp(png).extractChannel(0) : sharp(png);
  const { data, info } = await pixels.raw().toBuffer({ resolveWithObject: true });
  return info.channels === 1 ? new Uint8Array(data) : greyOf(data, info.channels);
}

/** Some writers store grey as three equal channels; anything else is colour, and null. */
function greyOf(data: Uint8Array, channels: number): Uint8Array | null {
  const grey = new Uint8Array(REGION_PIXELS);
  for (let i = 0; i < REGION_PIXELS; i++) {
    const value = data[i * channels]!;
    for (let c = 1; c < channels; c++) if (data[i * channels + c] !== value) return null;
    grey[i] = value;
  }
  return grey;
}
