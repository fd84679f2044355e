import { randomBytes } from 'node:crypto';
import { closeSync, fdatasync, openSync, renameSync, unlinkSync, writevSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import type { WalkedDataset } from '../dicom/datasetWalker.js';
import { encodeFileMeta } from '../dicom/fileMeta.js';
import { carriedSyntaxOf } from '../dicom/transferSyntaxes.js';
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

/** Given to the kernel once so much has gathered, where the bytes may be kept so long. */
const WRITE_BYTES = 1 << 18;

const syncData = promisify(fdatasync);

/**
 * One data set on its way into the spool: walked as it comes, and given to the kernel a buffer at a time. Those calls
 * only copy into the page cache, which costs less than handing them to the thread pool and back; when the kernel makes
 * them wait, the sender waits too, and nothing piles up here. Only the sync goes to the pool.
 */
export class IncomingObject {
  readonly #name = nextName();
  readonly #probe: DatasetProbe;
  /** Where it lies now; null before it is opened and after it is discarded. */
  #path: string | null = null;
  #fd: number | null = null;
  #crc32 = 0;
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
    const syntax = carriedSyntaxOf(header.transferSyntaxUid);
    if (syntax === null) throw new RangeError(`unknown transfer syntax ${header.transferSyntaxUid}`);
    this.#probe = new DatasetProbe(syntax);
    this.#queueUp(encodeFileMeta({ ...header, sourceAe: header.callingAe }));
  }

  /** @param piece lent until `settle` */
  write(piece: Buffer): void {
    this.#probe.push(piece);
    if (this.#failure !== null) return;
    this.#crc32 = crc32(piece, this.#crc32);
    this.#queueUp(piece);
    if (this.#queuedBytes >= WRITE_BYTES) this.settle();
  }

  /** Gives the kernel what was written: one call for everything that was read at once. */
  settle(): void {
    if (this.#failure === null) this.#try(() => this.#flush());
  }

  /** Bytes that wait to be looked at. */
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
      // What closing costs is in the sync; the way to the thread pool and back would be more.
      closeSync(this.#fd!);
      this.#fd = null;
    } catch (failure) {
      this.discard();
      throw failure;
    }
  }

  /** Of a committed object. */
  describe(): SpooledFile {
    const [path, sizeBytes, receivedAt] = [this.#path!, this.#sizeBytes, this.#receivedAt!];
    return { ...this.header, path, sizeBytes, receivedAt };
  }

  /** Closes and deletes what was written; never throws. */
  discard(): void {
    const [fd, path] = [this.#fd, this.#path];
    this.#fd = null;
    this.#path = null;
    this.#queue = [];
    this.#probe.close();
    this.#failure ??= new Error('the object was discarded');
    this.#try(() => fd !== null && closeSync(fd));
    this.#try(() => path !== null && unlinkSync(path));
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

/** Different in every process, and counted in it. */
const processName = randomBytes(8).toString('hex');
let named = 0;

function nextName(): string {
  named += 1;
  return `${processName}${named.toString(16).padStart(8, '0')}`;
}

/** What is left of the pieces after their first `bytes`. */
function after(pieces: readonly Buffer[], bytes: number): readonly Buffer[] {
  let [left, whole] = [bytes, 0];
  while (whole < pieces.length && left >= pieces[whole]!.length) left -= pieces[whole++]!.length;
  return whole === pieces.length ? [] : [pieces[whole]!.subarray(left), ...pieces.slice(whole + 1)];
}
