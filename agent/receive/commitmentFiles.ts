import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommitmentRequest } from '../dicom/commitment.js';
import { syncDirectory } from './directorySync.js';

/** A promise we owe: kept on disk until its result has reached the one who asked. */
export interface OwedCommitment extends CommitmentRequest {
  readonly callingAe: string;
  readonly remoteAddress: string;
  /** Where the result may go while it is open. */
  readonly associationId: string;
  readonly requestedAt: string;
}

/** The folder of owed commitments, beside the objects they are about. */
export class CommitmentFiles {
  readonly #dir: string;

  constructor(spoolDir: string) {
    this.#dir = join(spoolDir, 'commitments');
  }

  /** Durable when it resolves; asking again under the same transaction replaces it. */
  async save(owed: OwedCommitment): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    const path = this.#path(owed);
    const handle = await open(`${path}.part`, 'w');
    try {
      await handle.writeFile(JSON.stringify(owed));
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(`${path}.part`, path);
    await syncDirectory(this.#dir);
  }

  async list(): Promise<OwedCommitment[]> {
    const names = await readdir(this.#dir).catch(() => []);
    const owed: OwedCommitment[] = [];
    for (const name of names.filter((each) => each.endsWith('.json')).sort()) {
      owed.push(JSON.parse(await readFile(join(this.#dir, name), 'utf8')));
    }
    return owed;
  }

  async remove(owed: OwedCommitment): Promise<void> {
    await rm(this.#path(owed), { force: true });
  }

  /** Named by a digest: two senders may use one transaction UID, and neither chooses a file name. */
  #path({ callingAe, transactionUid }: OwedCommitment): string {
    const name = createHash('sha256')
      .update(JSON.stringify([callingAe, transactionUid]))
      .digest('hex');
    return join(this.#dir, `${name.slice(0, 40)}.json`);
  }
}
