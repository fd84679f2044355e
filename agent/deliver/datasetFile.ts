import { open } from 'node:fs/promises';
import type { DatasetBytes } from '../dicom/dimse/outgoing.js';
import { decodeFileMeta, type FileMeta } from '../dicom/fileMeta.js';
import { toImplicitVr } from '../dicom/implicitVr.js';

/** A DICOM file that can be sent: a path, or its bytes where it was just built. */
export type DicomSource = string | Uint8Array;

export interface SendableObject {
  readonly meta: FileMeta;
  readonly dataset: DatasetBytes;
  close(): Promise<void>;
}

/** More than the preamble and any file meta information met in practice. */
const HEAD_BYTES = 65_536;

/**
 * Reads what C-STORE needs to know of a Part 10 file; the data set itself is read while it is sent.
 * @throws RangeError when it is no Part 10 file; the file system's error when it cannot be read
 */
export async function openObject(source: DicomSource): Promise<SendableObject> {
  if (typeof source === 'string') return openFile(source);
  return openBytes(Buffer.from(source.buffer, source.byteOffset, source.byteLength));
}

/** More than this is not converted in memory. */
const MOST_CONVERTED_BYTES = 512 << 20;

/**
 * The object's data set in Implicit VR Little Endian, for a peer that takes nothing else.
 * @throws RangeError when it cannot be converted
 */
export async function asImplicitVr({ dataset }: SendableObject): Promise<DatasetBytes> {
  if (dataset.length > MOST_CONVERTED_BYTES) throw new RangeError('too large to be converted');
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < dataset.length; offset += pieces.at(-1)!.length) {
    pieces.push(await dataset.read(offset, dataset.length - offset));
    if (pieces.at(-1)!.length === 0) throw new RangeError('the file has become shorter');
  }
  const converted = toImplicitVr(Buffer.concat(pieces));
  return {
    length: converted.length,
    read: async (offset, most) => converted.subarray(offset, offset + most),
  };
}

/** Only the file meta information, for the presentation contexts. */
export async function readMeta(source: DicomSource): Promise<FileMeta> {
  const object = await openObject(source);
  await object.close();
  return object.meta;
}

async function openFile(path: string): Promise<SendableObject> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.min(HEAD_BYTES, size)), 0, null, 0);
    const { meta, datasetOffset } = headOf(buffer.subarray(0, bytesRead));
    const read = async (offset: number, most: number) => {
      const length = Math.min(most, size - datasetOffset - offset);
      const block = await handle.read(Buffer.allocUnsafe(length), 0, length, datasetOffset + offset);
      return block.buffer.subarray(0, block.bytesRead);
    };
    return { meta, dataset: { length: size - datasetOffset, read }, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function openBytes(bytes: Buffer): SendableObject {
  const { meta, datasetOffset } = headOf(bytes);
  const dataset = bytes.subarray(datasetOffset);
  const read = async (offset: number, most: number) => dataset.subarray(offset, offset + most);
  return { meta, dataset: { length: dataset.length, read }, close: async () => undefined };
}

function headOf(head: Buffer): { meta: FileMeta; datasetOffset: number } {
  const decoded = decodeFileMeta(head);
  if (decoded === null) throw new RangeError('not a DICOM file (PS3.10: no DICM after the preamble)');
  return decoded;
}
