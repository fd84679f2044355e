import { existsSync } from 'node:fs';
import { mkdir, readdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import dcmjs, { type DcmjsDataset } from 'dcmjs';
import { encodeFileMeta } from '../../agent/dicom/fileMeta.js';
import { CalcidiscError } from '../../agent/domain/errors.js';
import type { PointMm } from '../../agent/locate/types.js';

const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
const { DicomDict, DicomMetaDictionary } = dcmjs.data;

/**
 * A number as a decimal string (PS3.5 6.2: at most 16 characters), which dcmjs would cut in the middle of an exponent.
 * @throws RangeError for what is no finite number
 */
export function decimalString(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`no decimal string for ${value}`);
  const rounded = Math.round(value * 1e6) / 1e6;
  return String(Object.is(rounded, -0) ? 0 : rounded);
}

export interface ImageIdentity {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

/** Writes one image as Part 10, Explicit VR Little Endian. Text is UTF-8, and declared so. */
export async function writeImage(
  folder: string,
  number: number,
  { sopClassUid, sopInstanceUid }: ImageIdentity,
  attributes: DcmjsDataset,
  pixels: Uint16Array | Int16Array,
): Promise<void> {
  const dataset = {
    SpecificCharacterSet: 'ISO_IR 192',
    SOPClassUID: sopClassUid,
    SOPInstanceUID: sopInstanceUid,
    InstanceNumber: String(number),
    ...attributes,
    PixelData: [pixels.buffer],
    _vrMap: { PixelData: 'OW' },
  };
  const dict = new DicomDict({ '00020010': { vr: 'UI', Value: [EXPLICIT_LITTLE_ENDIAN] } });
  dict.dict = DicomMetaDictionary.denaturalizeDataset(dataset);
  const meta = encodeFileMeta({
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN,
    sourceAe: 'CALCIDISC',
  });
  await writeFile(join(folder, `${String(number).padStart(4, '0')}.dcm`), [meta, datasetBytes(dict)]);
}

/** dcmjs writes its own file meta in front, with attributes missing: ours takes its place. */
function datasetBytes(dict: InstanceType<typeof DicomDict>): Buffer {
  const file = Buffer.from(dict.write({ fragmentMultiframe: false }));
  // Preamble, prefix, then (0002,0000) UL with the length of the rest of the group.
  const metaLength = file.readUInt32LE(128 + 4 + 8);
  return file.subarray(128 + 4 + 12 + metaLength);
}

const OWN_FILE = /^\d{4}\.dcm$/;

/**
 * A folder with no image in it. Those of an earlier phantom are removed: a shorter series over a longer one would
 * leave a mixture.
 * @throws CalcidiscError FOLDER_IN_USE when there is anything else
 */
export async function seriesFolder(outDir: string, name: string): Promise<string> {
  const folder = join(outDir, name);
  await mkdir(folder, { recursive: true });
  const files = await readdir(folder);
  const isOurs = files.length === 0 || existsSync(join(outDir, TRUTH_FILE));
  if (!isOurs || !files.every((file) => OWN_FILE.test(file)))
    throw new CalcidiscError('FOLDER_IN_USE', `${folder} is not empty, and not an earlier phantom`);
  for (const file of files) await unlink(join(folder, file));
  return folder;
}

/** The answers, beside the two series. */
export const TRUTH_FILE = 'truth.json';

/** Image plane and pixel description (PS3.3 C.7.6.2, C.7.6.3). */
export function planeAttributes(plane: {
  rows: number;
  columns: number;
  spacingMm: number;
  orientation: readonly number[];
  positionMm: PointMm;
  sliceThicknessMm: number;
  pixelRepresentation: 0 | 1;
  bitsStored: 12 | 16;
}): DcmjsDataset {
  return {
    Rows: plane.rows,
    Columns: plane.columns,
    PixelSpacing: [decimalString(plane.spacingMm), decimalString(plane.spacingMm)],
    ImageOrientationPatient: plane.orientation.map(decimalString),
    ImagePositionPatient: plane.positionMm.map(decimalString),
    SliceThickness: decimalString(plane.sliceThicknessMm),
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    BitsAllocated: 16,
    BitsStored: plane.bitsStored,
    HighBit: plane.bitsStored - 1,
    PixelRepresentation: plane.pixelRepresentation,
  };
}
