import { createInflateRaw, type InflateRaw } from 'node:zlib';
import { DatasetWalker, type WalkedDataset } from '../dicom/datasetWalker.js';
import type { TransferSyntax } from '../dicom/transferSyntaxes.js';

/** A deflated data set that grows past this is a bomb, not an image. */
const MOST_INFLATED_BYTES = 4 * 1024 ** 3;

/** Walks a data set as it arrives; a deflated one (PS3.5 A.5) is inflated for it, off this thread, and thrown away. */
export class DatasetProbe {
  readonly #walker: DatasetWalker;
  readonly #inflate: InflateRaw | null;
  #inflated: Promise<string | null> = Promise.resolve(null);
  #whenDrained: () => void = () => undefined;

  constructor(syntax: TransferSyntax) {
    this.#walker = new DatasetWalker(syntax);
    this.#inflate = syntax.isDeflated ? createInflateRaw() : null;
    if (this.#inflate) this.#inflated = this.#walkInflated(this.#inflate);
    for (const event of ['drain', 'close']) this.#inflate?.on(event, () => this.#drained());
  }

  #drained(): void {
    const callback = this.#whenDrained;
    this.#whenDrained = () => undefined;
    callback();
  }

  /** @param piece only lent: what waits to be inflated is a copy */
  push(piece: Buffer): void {
    if (this.#inflate === null) this.#walker.push(piece);
    else if (!this.#inflate.destroyed) this.#inflate.write(Buffer.from(piece));
  }

  /** Bytes that wait to be inflated. */
  get backlogBytes(): number {
    return this.#inflate === null || this.#inflate.destroyed ? 0 : this.#inflate.writableLength;
  }

  /** Calls back once when there is room again, or no need of any: what cannot be inflated is not kept. The last counts. */
  onDrained(callback: () => void): void {
    this.#whenDrained = callback;
  }

  async end(): Promise<WalkedDataset> {
    this.#inflate?.end();
    const problem = await this.#inflated;
    const walked = this.#walker.end();
    return { ...walked, unreadable: problem ?? walked.unreadable };
  }

  close(): void {
    this.#inflate?.destroy();
  }

  #walkInflated(inflate: InflateRaw): Promise<string | null> {
    let bytes = 0;
    return new Promise((resolve) => {
      inflate.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes <= MOST_INFLATED_BYTES) this.#walker.push(piece);
        else inflate.destroy();
      });
      inflate.on('error', () => resolve('the deflated data set cannot be inflated'));
      inflate.on('close', () =>
        resolve(bytes > MOST_INFLATED_BYTES ? 'the deflated data set is a bomb' : null),
      );
    });
  }
}
