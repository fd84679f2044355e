import { createHash, randomBytes } from 'node:crypto';
import { close, closeSync, fdatasync, openSync, renameSync, unlinkSync, writevSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
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

/** Given to the kernel once so much has gathered: a few system calls for an ordinary slice. */
const WRITE_BYTES = 1 << 18;

/** So much may wait to be hashed until the sender has its answer; of a longer data set only the end does. */
const MOST_UNHASHED_BYTES = 1 << 20;

const syncData = promisify(fdatasync);

/**
 * One data set on its way into the spool: walked as it comes, and given to the kernel at once. Those
 * calls only copy into the page cache, which costs less than handing them to the thread pool and back; when the
 * kernel makes them wait, the sender waits too, and nothing piles up here. Only the sync goes to the pool.
 */
export class IncomingObject {
  readonly #name = randomBytes(8).toString('hex');
  readonly #hash = createHash('sha256');
  readonly #probe: DatasetProbe;
  /** Where it lies now; null before it is opened and after it is discarded. */
  #path: string | null = null;
  #fd: number | null = null;
  #crc32 = 0;
  #unhashed: Buffer[] = [];
  #unhashedBytes = 0;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #sizeBytes = 0;
  #receivedAt: Date | null = null;
  #failure: unknown = null;

  constructor(
    readonly header: ObjectHeader,
    private readonly places: { readonly incoming: string; readonly new: string },
    private readonly newDirectory: DirectorySync,
  ) {
    const syntax = transferSyntaxOf(header.transferSyntaxUid);
    if (syntax === null) throw new RangeError(`unknown transfer syntax ${header.transferSyntaxUid}`);
    this.#probe = new DatasetProbe(syntax);
    this.#queueUp(encodeFileMeta({ ...header, sourceAe: header.callingAe }));
  }

  write(piece: Buffer): void {
    this.#probe.push(piece);
    if (this.#failure !== null) return;
    this.#crc32 = crc32(piece, this.#crc32);
    this.#unhashed.push(piece);
    this.#unhashedBytes += piece.length;
    if (this.#unhashedBytes > MOST_UNHASHED_BYTES) this.#hashUp();
    this.#queueUp(piece);
    if (this.#queuedBytes >= WRITE_BYTES) this.#try(() => this.#flush());
  }

  /** Bytes that wait to be looked at; what is not on disk is at most one write. */
  get backlogBytes(): number {
    return this.#probe.backlogBytes;
  }

  onDrained(callback: () => void): void {
    this.#probe.onDrained(callback);
  }

  /** What the data set says of itself; call after the last piece. */
  inspect(): Promise<WalkedDataset> {
    return this.#probe.end();
  }

  /**
   * Makes the object durable under its final name. The name comes before the syncs, so that the file's and the
   * directory's run at once: a crash between leaves a file that does not match the checksum in its name and that
   * nobody was told of.
   * @throws the file system's error; nothing of the object is left then
   */
  async commit(): Promise<void> {
    this.#receivedAt = new Date();
    const { associationId } = this.header;
    const [receivedAt, random, checksum] = [this.#receivedAt, this.#name, this.#crc32];
    const path = join(this.places.new, spoolFileName({ receivedAt, associationId, random, checksum }));
    try {
      if (this.#failure !== null) throw this.#failure;
      this.#flush();
      renameSync(this.#path!, path);
      this.#path = path;
      await Promise.all([syncData(this.#fd!), this.newDirectory.sync()]);
      close(this.#fd!, () => undefined);
    } catch (failure) {
      this.discard();
      throw failure;
    }
  }

  /** Of a committed object. Hashes what is not hashed yet, so call it after the sender has its answer. */
  describe(): SpooledFile {
    this.#hashUp();
    const datasetSha256 = this.#hash.digest('hex');
    const [path, sizeBytes, receivedAt] = [this.#path!, this.#sizeBytes, this.#receivedAt!];
    return { ...this.header, path, sizeBytes, datasetSha256, receivedAt };
  }

  /** Closes and deletes what was written; never throws. */
  discard(): void {
    const [fd, path] = [this.#fd, this.#path];
    this.#fd = null;
    this.#path = null;
    this.#queue = [];
    this.#unhashed = [];
    this.#probe.close();
    this.#failure ??= new Error('the object was discarded');
    this.#try(() => fd !== null && closeSync(fd));
    this.#try(() => path !== null && unlinkSync(path));
  }

  #hashUp(): void {
    for (const piece of this.#unhashed) this.#hash.update(piece);
    this.#unhashed = [];
    this.#unhashedBytes = 0;
  }

  #queueUp(bytes: Buffer): void {
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#sizeBytes += bytes.length;
  }

  #flush(): void {
    let rest: readonly Buffer[] = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#fd ??= this.#open();
    // It may take less than it was given, on a disk that is about to be full.
    while (rest.length > 0) rest = after(rest, writevSync(this.#fd, rest));
  }

  #open(): number {
    const path = join(this.places.incoming, `${this.#name}.part`);
    // 'wx': a name that exists would be somebody else's object.
    const fd = openSync(path, 'wx');
    this.#path = path;
    return fd;
  }

  #try(act: () => unknown): void {
    try {
      act();
    } catch (failure) {
      this.#failure ??= failure;
    }
  }
}

/** What is left of the pieces after their first `bytes`. */
function after(pieces: readonly Buffer[], bytes: number): readonly Buffer[] {
  let [left, whole] = [bytes, 0];
  while (whole < pieces.length && left >= pieces[whole]!.length) left -= pieces[whole++]!.length;
  return whole === pieces.length ? [] : [pieces[whole]!.subarray(left), ...pieces.slice(whole + 1)];
}
