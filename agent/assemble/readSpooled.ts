import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { type Extent, extentOf } from '../dicom/extent.js';
import { decodeFileMeta } from '../dicom/fileMeta.js';
import { type Header, headerOf } from '../dicom/header.js';
import { imageFactsOf } from '../dicom/imageFacts.js';
import { type Part10, parsePart10, readPart10Header } from '../dicom/parse.js';
import type { ImageFacts } from '../domain/imageFacts.js';

export interface ReadFile {
  readonly header: Header;
  readonly facts: ImageFacts;
  /** What it says of the images around it. */
  readonly extent: Extent;
  /** Lower-case hexadecimal, of the data set as it came (no preamble, no file meta information). */
  readonly datasetSha256: string;
}

/** An ordinary slice in one read; a longer object in many, with turns for others between. */
const READ_BYTES = 1 << 20;

/**
 * Reads spooled files, one after another, through one buffer: the header and the digest from the same bytes. The
 * digest is taken here and not while the object arrives, as it is a third of what receiving one would cost.
 * Synchronous reads, as the file has just been written and lies in memory: the thread pool costs more than they do.
 */
export class SpooledReader {
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BYTES);

  /** @throws CalcidiscError NOT_DICOM; the file system's own errors */
  async read(path: string): Promise<ReadFile> {
    await yieldToOthers();
    const fd = openSync(path, 'r');
    try {
      const start = this.#buffer.subarray(0, readSync(fd, this.#buffer, 0, READ_BYTES, 0));
      const part10 = part10In(start);
      // Before the next read: the data set's values lie in the one buffer.
      const read = part10 && readOf(part10);
      const hash = createHash('sha256').update(start.subarray(decodeFileMeta(start)?.datasetOffset ?? 0));
      for (let at = start.length; start.length === READ_BYTES; ) {
        await yieldToOthers();
        const length = readSync(fd, this.#buffer, 0, READ_BYTES, at);
        if (length === 0) break;
        hash.update(this.#buffer.subarray(0, length));
        at += length;
      }
      return { ...(read ?? readOf(await readPart10Header(path))), datasetSha256: hash.digest('hex') };
    } finally {
      closeSync(fd);
    }
  }
}

/** Null when the header is longer than these bytes. */
function part10In(bytes: Buffer): Part10 | null {
  const part10 = parsePart10(bytes);
  const isWhole = part10.dataSet.ending === 'pixel-data' || bytes.length < READ_BYTES;
  return isWhole ? part10 : null;
}

function readOf(part10: Part10): Omit<ReadFile, 'datasetSha256'> {
  const header = headerOf(part10);
  return { header, facts: imageFactsOf(part10, header), extent: extentOf(part10) };
}

/** Of an image that was indexed before its facts were kept. @throws the file system's errors, NOT_DICOM */
export async function readImageFacts(path: string): Promise<ImageFacts> {
  return readOf(await readPart10Header(path)).facts;
}
