import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { WalkedDataset } from '../dicom/datasetWalker.js';
import { encodeFileMeta } from '../dicom/fileMeta.js';
import { transferSyntaxOf } from '../dicom/transferSyntaxes.js';
import { DatasetProbe } from './datasetProbe.js';
import type { DirectorySync } from './directorySync.js';
import { spoolFileName } from './spooledFile.js';
import type { SpooledFile } from './types.js';

export interface ObjectHeader {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly callingAe: string;
  readonly associationId: string;
}

/** Written to the file once so much has gathered: a few system calls for an ordinary slice, and the last one short. */
const WRITE_BYTES = 1 << 18;

/**
 * One data set on its way into the spool: hashed and walked as it comes, written in the background. It holds what
 * the disk has not taken yet (`backlogBytes`), and the connection stops reading while that is too much.
 */
export class IncomingObject {
  readonly #name = randomBytes(8).toString('hex');
  /** Where it lies now. */
  #path: string;
  readonly #hash = createHash('sha256');
  readonly #probe: DatasetProbe;
  readonly #head: Buffer;
  readonly #handle: Promise<FileHandle>;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #writingBytes = 0;
  #sizeBytes: number;
  #writing: Promise<void>;
  #failure: unknown = null;
  #drained: (() => void) | null = null;

  constructor(
    readonly header: ObjectHeader,
    private readonly places: { readonly incoming: string; readonly new: string },
    private readonly newDirectory: DirectorySync,
  ) {
    this.#path = join(places.incoming, `${this.#name}.part`);
    const syntax = transferSyntaxOf(header.transferSyntaxUid);
    if (syntax === null) throw new RangeError(`unknown transfer syntax ${header.transferSyntaxUid}`);
    this.#probe = new DatasetProbe(syntax);
    this.#head = encodeFileMeta({ ...header, sourceAe: header.callingAe });
    this.#sizeBytes = this.#head.length;
    this.#queue.push(this.#head);
    this.#queuedBytes = this.#head.length;
    // 'wx': a name that exists would be somebody else's object.
    this.#handle = open(this.#path, 'wx');
    this.#writing = this.#handle.then(
      () => undefined,
      (failure) => this.#fail(failure),
    );
  }

  /** Bytes that have arrived and are not in the file yet. */
  get backlogBytes(): number {
    return this.#queuedBytes + this.#writingBytes + this.#probe.backlogBytes;
  }

  /** Calls back once when the disk has taken what was given to it. */
  onDrained(callback: () => void): void {
    this.#drained = callback;
  }

  write(piece: Buffer): void {
    this.#hash.update(piece);
    this.#probe.push(piece);
    this.#sizeBytes += piece.length;
    if (this.#failure !== null) return;
    this.#queue.push(piece);
    this.#queuedBytes += piece.length;
    if (this.#queuedBytes >= WRITE_BYTES) this.#flush();
  }

  /** What the data set says of itself; call after the last piece. */
  inspect(): Promise<WalkedDataset> {
    return this.#probe.end();
  }

  /**
   * Makes the object durable under its final name. The name comes with the last write and before the syncs, so that
   * the file's and the directory's run at once: a crash between leaves a file that does not match the hash in its
   * name and that nobody was told of.
   * @throws the file system's error; nothing of the object is left then
   */
  async commit(): Promise<SpooledFile> {
    const receivedAt = new Date();
    const datasetSha256 = this.#hash.digest('hex');
    const name = { receivedAt, associationId: this.header.associationId, random: this.#name, datasetSha256 };
    const path = join(this.places.new, spoolFileName(name));
    try {
      this.#flush();
      const handle = await this.#handle;
      await Promise.all([this.#writing, this.#rename(path)]);
      if (this.#failure !== null) throw this.#failure;
      await Promise.all([handle.datasync(), this.newDirectory.sync()]);
      void handle.close().catch(() => undefined);
      return { ...this.header, path, sizeBytes: this.#sizeBytes, datasetSha256, receivedAt };
    } catch (failure) {
      await this.discard();
      throw failure;
    }
  }

  /** Closes and deletes what was written; never throws. */
  async discard(): Promise<void> {
    this.#queue = [];
    this.#queuedBytes = 0;
    await this.#writing;
    const handle = await this.#handle.catch(() => null);
    await handle?.close().catch(() => undefined);
    await unlink(this.#path).catch(() => undefined);
    this.#probe.close();
  }

  async #rename(path: string): Promise<void> {
    await rename(this.#path, path);
    this.#path = path;
  }

  #flush(): void {
    const pieces = this.#queue;
    if (pieces.length === 0) return;
    const bytes = this.#queuedBytes;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#writingBytes += bytes;
    this.#writing = this.#writing.then(async () => {
      if (this.#failure === null)
        await writeAll(await this.#handle, pieces).catch((failure) => this.#fail(failure));
      this.#writingBytes -= bytes;
      this.#drained?.();
    });
  }

  #fail(failure: unknown): void {
    this.#failure ??= failure;
    this.#queue = [];
    this.#queuedBytes = 0;
  }
}

/** `writev` may write less than it was given, on a disk that is about to be full. */
async function writeAll(handle: FileHandle, pieces: readonly Buffer[]): Promise<void> {
  let rest = pieces;
  while (rest.length > 0) {
    let { bytesWritten } = await handle.writev(rest);
    let whole = 0;
    while (whole < rest.length && bytesWritten >= rest[whole]!.length) bytesWritten -= rest[whole++]!.length;
    if (whole === rest.length) return;
    rest = [rest[whole]!.subarray(bytesWritten), ...rest.slice(whole + 1)];
  }
}
