import { readFile } from 'node:fs/promises';
import { type Part10, parsePart10 } from '../dicom/parse.js';
import { decodeFrames } from '../dicom/pixels.js';

const SAME = ['SOPClassUID', 'SOPInstanceUID', 'SeriesInstanceUID', 'StudyInstanceUID'] as const;

/**
 * Whether two files are one image with another header: the same UIDs and, bit for bit or decoded, the same pixels.
 * Different pixels under one SOP Instance UID are different objects, whatever they say of the patient. A file that
 * cannot be compared is not the same.
 */
export async function isSameImage(pathA: string, pathB: string): Promise<boolean> {
  try {
    const [a, b] = [parsePart10(await readFile(pathA)), parsePart10(await readFile(pathB))];
    if (SAME.some((keyword) => a.dataSet.string(keyword) !== b.dataSet.string(keyword))) return false;
    const [rawA, rawB] = [rawPixels(a), rawPixels(b)];
    if (!rawA || !rawB) return false;
    if (a.transferSyntaxUid === b.transferSyntaxUid && rawA.equals(rawB)) return true;
    return await haveSameFrames(a, b);
  } catch {
    return false;
  }
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
