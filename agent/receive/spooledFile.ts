import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { decodeFileMeta } from '../dicom/fileMeta.js';
import type { SpooledFile } from './types.js';

/** Far more than our own preamble and file meta information need. */
const HEAD_BYTES = 4096;
const NAME = /^(\d+)-([0-9a-f-]{36})-[0-9a-f]+-([0-9a-f]{16})\.dcm$/;
const HASH_DIGITS = 16;

export interface SpoolName {
  readonly receivedAt: Date;
  readonly associationId: string;
  readonly random: string;
  readonly datasetSha256: string;
}

/** `<receivedAtMs>-<associationId>-<random>-<hash>.dcm`: nothing of it is the sender's choice. */
export function spoolFileName({ receivedAt, associationId, random, datasetSha256 }: SpoolName): string {
  return `${receivedAt.getTime()}-${associationId}-${random}-${datasetSha256.slice(0, HASH_DIGITS)}.dcm`;
}

/**
 * Reads a file of the spool back as it was announced when it arrived; null when it is no whole one: not a Part 10
 * file, or its data set is not the one whose hash is in the name.
 */
export async function readSpooledFile(path: string): Promise<SpooledFile | null> {
  const { head, sizeBytes, modifiedAt } = await readHead(path);
  const decoded = decodeFileMeta(head);
  if (decoded === null) return null;
  const [, receivedAtMs, associationId, hash] = NAME.exec(basename(path)) ?? [];
  const datasetSha256 = await sha256From(path, decoded.datasetOffset);
  if (hash !== undefined && !datasetSha256.startsWith(hash)) return null;
  return {
    path,
    sopClassUid: decoded.meta.sopClassUid,
    sopInstanceUid: decoded.meta.sopInstanceUid,
    transferSyntaxUid: decoded.meta.transferSyntaxUid,
    sizeBytes,
    datasetSha256,
    callingAe: decoded.meta.sourceAe,
    associationId: associationId ?? null,
    receivedAt: receivedAtMs === undefined ? modifiedAt : new Date(Number(receivedAtMs)),
  };
}

async function readHead(path: string): Promise<{ head: Buffer; sizeBytes: number; modifiedAt: Date }> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const { size, mtime } = await handle.stat();
    return { head: buffer.subarray(0, bytesRead), sizeBytes: size, modifiedAt: mtime };
  } finally {
    await handle.close();
  }
}

async function sha256From(path: string, start: number): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { start, highWaterMark: 1 << 20 }))
    hash.update(piece as Buffer);
  return hash.digest('hex');
}
