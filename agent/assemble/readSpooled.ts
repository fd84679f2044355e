import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { type Extent, extentOf } from '../dicom/extent.js';
import { decodeFileMeta } from '../dicom/fileMeta.js';
import { type Header, headerOf } from '../dicom/header.js';
import { type Part10, parsePart10, readPart10Header } from '../dicom/parse.js';

export interface ReadFile {
  readonly header: Header;
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
      const whole = headerIn(start);
      const hash = createHash('sha256').update(start.subarray(decodeFileMeta(start)?.datasetOffset ?? 0));
      for (let at = start.length; start.length === READ_BYTES; ) {
        await yieldToOthers();
        const length = readSync(fd, this.#buffer, 0, READ_BYTES, at);
        if (length === 0) break;
        hash.update(this.#buffer.subarray(0, length));
        at += length;
      }
      const part10 = whole ?? (await readPart10Header(path));
      return { header: headerOf(part10), extent: extentOf(part10), datasetSha256: hash.digest('hex') };
    } finally {
      closeSync(fd);
    }
  }
}

/** Null when the header is longer than these bytes. */
function headerIn(bytes: Buffer): Part10 | null {
  const part10 = parsePart10(bytes);
  const isWhole = part10.dataSet.ending === 'pixel-data' || bytes.length < READ_BYTES;
  return isWhole ? part10 : null;
}
