import { readFile } from 'node:fs/promises';
import { decodeFileMeta } from '../dicom/fileMeta.js';
import { type Header, headerOf } from '../dicom/header.js';
import type { Keyword } from '../dicom/keywords.js';
import { type Part10, parsePart10 } from '../dicom/parse.js';
import { decodeFrames } from '../dicom/pixels.js';

/** What of a header the report carries, in words for a reason: a change of it amends the report. */
const REPORT_FACTS = {
  patientId: 'patient ID',
  issuerOfPatientId: 'issuer of patient ID',
  patientName: 'patient name',
  patientBirthDate: 'birth date',
  patientSex: 'sex',
  patientAge: 'age',
  studyId: 'study ID',
  accessionNumber: 'accession number',
  studyDate: 'study date',
  studyTime: 'study time',
  studyDescription: 'study description',
  referringPhysicianName: 'referring physician',
} as const satisfies Partial<Record<keyof Header, string>>;

/** How the values are written, and what nothing rests on. */
const NO_FACTS: ReadonlySet<string> = new Set<keyof Header>([
  'transferSyntaxUid',
  'specificCharacterSet',
  'patientSize',
  'patientWeight',
]);

/** What the values of pixels mean, beside the header's facts. */
const PIXEL_KEYWORDS = [
  'RescaleSlope',
  'RescaleIntercept',
  'RescaleType',
  'PixelPaddingValue',
  'PhotometricInterpretation',
] as const satisfies readonly Keyword[];

/** One image under two headers. */
export interface HeaderChange {
  /** What of it the report carries that is written otherwise now, in words. */
  readonly report: readonly string[];
  /** Other facts that the reading rests on. */
  readonly image: readonly string[];
  /** Not a byte of the header differs, so nothing is lost with either. */
  readonly isNone: boolean;
}

/**
 * What has changed between two files that are one image: of one SOP class and instance, with the same pixels bit for
 * bit or decoded. Different pixels under one SOP Instance UID are different objects, whatever their headers say.
 * @returns null when they are not one image, and when they cannot be compared
 */
export async function headerChange(pathBefore: string, pathNow: string): Promise<HeaderChange | null> {
  try {
    const files = [await readFile(pathBefore), await readFile(pathNow)] as const;
    const [before, now] = [parsePart10(files[0]), parsePart10(files[1])];
    if (!(await haveSamePixels(before, now))) return null;
    return {
      ...changedFacts(before, now),
      isNone: headerBytes(files[0], before).equals(headerBytes(files[1], now)),
    };
  } catch {
    return null;
  }
}

async function haveSamePixels(a: Part10, b: Part10): Promise<boolean> {
  const isOther = (keyword: Keyword) => a.dataSet.string(keyword) !== b.dataSet.string(keyword);
  if (isOther('SOPClassUID') || isOther('SOPInstanceUID')) return false;
  const [rawA, rawB] = [rawPixels(a), rawPixels(b)];
  if (!rawA || !rawB) return false;
  if (a.transferSyntaxUid === b.transferSyntaxUid && rawA.equals(rawB)) return true;
  return haveSameFrames(a, b);
}

/** From the pixel data's value to the end of the data set. */
function rawPixels({ dataSet }: Part10): Buffer | null {
  const element = dataSet.pixelData();
  return element && Buffer.from(dataSet.bytes.subarray(element.offset));
}

async function haveSameFrames(a: Part10, b: Part10): Promise<boolean> {
  const [framesA, framesB] = [await decodeFrames(a), await decodeFrames(b)];
  return (
    framesA.length === framesB.length &&
    framesA.every((frame, i) => {
      const other = framesB[i]!;
      return frame.length === other.length && frame.every((value, at) => value === other[at]);
    })
  );
}

function changedFacts(before: Part10, now: Part10): Pick<HeaderChange, 'report' | 'image'> {
  const [old, fresh] = [headerOf(before), headerOf(now)];
  const keys = (Object.keys(old) as (keyof Header)[]).filter((key) => !NO_FACTS.has(key));
  const changed = keys.filter(
    (key) => JSON.stringify(old[key]) !== JSON.stringify(fresh[key]) && !isUnsaid(key, fresh),
  );
  const pixels = PIXEL_KEYWORDS.filter((each) => before.dataSet.text(each) !== now.dataSet.text(each));
  return {
    report: changed.flatMap((key) => REPORT_FACTS[key as keyof typeof REPORT_FACTS] ?? []),
    image: [...changed.filter((key) => !(key in REPORT_FACTS)), ...pixels],
  };
}

/** A copy that leaves out what the report carries corrects nothing. */
function isUnsaid(key: keyof Header, header: Header): boolean {
  return key in REPORT_FACTS && header[key] === null;
}

/** The data set up to its pixels, as it lies in the file. */
function headerBytes(file: Buffer, { dataSet }: Part10): Buffer {
  return file.subarray(decodeFileMeta(file)?.datasetOffset ?? 0, dataSet.end);
}
