import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Vector } from '../../agent/dicom/geometry.js';
import type { SourceImage } from '../../agent/locate/series.js';
import { type Elements, type Part10Options, writePart10 } from '../dicom/writePart10.js';

/** An image as a test wants it written: any values, any plane. */
export interface Drawn {
  readonly plane: {
    readonly origin: Vector;
    readonly along: Vector;
    readonly down: Vector;
    readonly spacingMm: readonly [row: number, col: number];
    readonly rows: number;
    readonly columns: number;
  };
  /** In units of the modality: HU for CT. */
  readonly values: Float32Array;
}

/** How pixels are stored; PS3.3 C.7.6.3.1 and C.11.1. */
export interface Encoding {
  readonly slope: number;
  readonly intercept: number;
  readonly signed?: boolean;
  readonly bitsStored?: number;
  /** Slope and intercept of one image, where they differ from image to image. */
  readonly rescaleOf?: (index: number) => { slope: number; intercept: number };
  readonly transferSyntaxUid?: string;
}

export function drawnOf({ plane, stored, slope, intercept }: SourceImage): Drawn {
  return { plane, values: Float32Array.from(stored, (value) => value * slope + intercept) };
}

const text = (values: readonly number[]) =>
  values.map((value) => String(Number(value.toFixed(6)))).join('\\');

/** One file per image, in the order given; `more` adds to or replaces its elements. */
export async function writeSingles(
  folder: string,
  modality: 'MR' | 'CT',
  images: readonly Drawn[],
  encoding: Encoding,
  more: (index: number) => Elements = () => ({}),
): Promise<string[]> {
  const files = images.map((_, i) => join(folder, `${String(i + 1).padStart(4, '0')}.dcm`));
  for (const [i, { plane, values }] of images.entries()) {
    const { slope, intercept } = encoding.rescaleOf?.(i) ?? encoding;
    const elements: Elements = {
      ...common(modality, plane, encoding),
      SOPClassUID: modality === 'CT' ? '1.2.840.10008.5.1.4.1.1.2' : '1.2.840.10008.5.1.4.1.1.4',
      SOPInstanceUID: `2.25.77${i}`,
      InstanceNumber: String(i + 1),
      ImageOrientationPatient: text([...plane.along, ...plane.down]),
      ImagePositionPatient: text(plane.origin),
      PixelSpacing: text(plane.spacingMm),
      ...rescaleElements(modality, slope, intercept),
      ...more(i),
    };
    await writeFile(files[i]!, writePart10(elements, optionsOf(encoding, [stored(values, encoding, i)])));
  }
  return files;
}

/** All images as frames of one enhanced object, each with its own plane and rescale (PS3.3 A.36, A.38). */
export async function writeEnhanced(
  path: string,
  modality: 'MR' | 'CT',
  images: readonly Drawn[],
  encoding: Encoding,
  perFrame: (index: number) => Elements = () => ({}),
  about: Elements = {},
): Promise<string> {
  const { plane } = images[0]!;
  const frames = images.map((image, i): Elements => {
    const { slope, intercept } = encoding.rescaleOf?.(i) ?? encoding;
    const rescale = rescaleElements(modality, slope, intercept);
    return {
      PlanePositionSequence: [{ ImagePositionPatient: text(image.plane.origin) }],
      PlaneOrientationSequence: [
        { ImageOrientationPatient: text([...image.plane.along, ...image.plane.down]) },
      ],
      ...(modality === 'CT' ? { PixelValueTransformationSequence: [rescale] } : {}),
      ...perFrame(i),
    };
  });
  const elements: Elements = {
    ...common(modality, plane, encoding),
    SOPClassUID: modality === 'CT' ? '1.2.840.10008.5.1.4.1.1.2.1' : '1.2.840.10008.5.1.4.1.1.4.1',
    SOPInstanceUID: '2.25.78',
    InstanceNumber: '1',
    NumberOfFrames: String(images.length),
    SharedFunctionalGroupsSequence: [
      { PixelMeasuresSequence: [{ PixelSpacing: text(plane.spacingMm), SliceThickness: '1' }] },
    ],
    PerFrameFunctionalGroupsSequence: frames,
    ...about,
  };
  const pixels = images.map(({ values }, i) => stored(values, encoding, i));
  await writeFile(path, writePart10(elements, optionsOf(encoding, pixels)));
  return path;
}

function common(modality: 'MR' | 'CT', plane: Drawn['plane'], encoding: Encoding): Elements {
  const bitsStored = encoding.bitsStored ?? 16;
  return {
    SeriesInstanceUID: '2.25.7',
    Modality: modality,
    PatientID: 'ENCODED',
    SamplesPerPixel: [1],
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: [plane.rows],
    Columns: [plane.columns],
    BitsAllocated: [16],
    BitsStored: [bitsStored],
    HighBit: [bitsStored - 1],
    PixelRepresentation: [encoding.signed ? 1 : 0],
  };
}

function rescaleElements(modality: 'MR' | 'CT', slope: number, intercept: number): Elements {
  if (modality === 'MR') return {};
  return { RescaleSlope: String(slope), RescaleIntercept: String(intercept), RescaleType: 'HU' };
}

function stored(values: Float32Array, encoding: Encoding, index: number): Uint8Array {
  const { slope, intercept } = encoding.rescaleOf?.(index) ?? encoding;
  const range = 2 ** (encoding.bitsStored ?? 16);
  const [least, most] = encoding.signed ? [-range / 2, range / 2 - 1] : [0, range - 1];
  const whole = Array.from(values, (value) =>
    Math.min(most, Math.max(least, Math.round((value - intercept) / slope))),
  );
  return new Uint8Array((encoding.signed ? Int16Array.from(whole) : Uint16Array.from(whole)).buffer);
}

function optionsOf({ transferSyntaxUid }: Encoding, frames: readonly Uint8Array[]): Part10Options {
  const pixelData = Buffer.concat(frames);
  if (transferSyntaxUid === '1.2.840.10008.1.2.2') pixelData.swap16();
  return { pixelData, ...(transferSyntaxUid ? { transferSyntaxUid } : {}) };
}
