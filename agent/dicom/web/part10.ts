import { decodeFileMeta, type FileMeta } from '../fileMeta.js';

/** File meta information is some hundred bytes; what is longer is none. */
const MOST_META_BYTES = 1 << 16;

/** A DICOM file as it comes. */
export interface Part10 {
  /** null for what is no such file. */
  readonly meta: FileMeta | null;
  /** What comes after it, in pieces; to be read to its end in any case, else nothing behind it comes. */
  readonly dataset: AsyncGenerator<Buffer>;
}

/** The file meta information of a DICOM file (PS3.10 7) that comes in pieces. */
export async function readPart10(body: AsyncIterable<Buffer>): Promise<Part10> {
  const pieces = body[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  for (;;) {
    const { done, value } = await pieces.next();
    if (!done) head = head.length === 0 ? value : Buffer.concat([head, value]);
    const decoded = decodeFileMeta(head);
    // The group may go on in the next piece: it ends where something else begins.
    if (decoded && (done || head.length >= decoded.datasetOffset + 8))
      return { meta: decoded.meta, dataset: datasetOf(head.subarray(decoded.datasetOffset), pieces) };
    if (done || head.length > MOST_META_BYTES) return { meta: null, dataset: datasetOf(head, pieces) };
  }
}

/** Reads what is refused to its end, and lets it go. */
export async function drain(pieces: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of pieces);
}

async function* datasetOf(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  for (;;) {
    const { done, value } = await rest.next();
    if (done) return;
    yield value;
  }
}
