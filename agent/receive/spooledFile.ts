import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { crc32 } from 'node:zlib';
import { decodeFileMeta } from '../dicom/fileMeta.js';
import type { SpooledFile } from './types.js';

/** Far more than our own preamble and file meta information need. */
const HEAD_BYTES = 4096;
const NAME = /^(\d+)-([0-9a-f-]{36})-[0-9a-f]+-([0-9a-f]{8})\.dcm$/;

export interface SpoolName {
  readonly receivedAt: Date;
  readonly associationId: string;
  readonly random: string;
  /** CRC-32 of the data set. */
  readonly checksum: number;
}

/** `<receivedAtMs>-<associationId>-<random>-<checksum>.dcm`: nothing of it is the sender's choice. */
export function spoolFileName({ receivedAt, associationId, random, checksum }: SpoolName): string {
  return `${receivedAt.getTime()}-${associationId}-${random}-${checksumText(checksum)}.dcm`;
}

function checksumText(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}

/**
 * Reads a file of the spool back as it was announced when it arrived; null when it is no whole one: not a Part 10
 * file, or its data set is not the one whose checksum is in the name.
 */
export async function readSpooledFile(path: string): Promise<SpooledFile | null> {
  const { head, sizeBytes, modifiedAt } = await readHead(path);
  const decoded = decodeFileMeta(head);
  if (decoded === null) return null;
  const [, receivedAtMs, associationId, checksum] = NAME.exec(basename(path)) ?? [];
  if (checksum !== undefined && checksumText(await crc32Of(path, decoded.datasetOffset)) !== checksum)
    return null;
  return {
    path,
    sopClassUid: decoded.meta.sopClassUid,
    sopInstanceUid: decoded.meta.sopInstanceUid,
    transferSyntaxUid: decoded.meta.transferSyntaxUid,
    sizeBytes,
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

async function crc32Of(path: string, start: number): Promise<number> {
  let checksum = 0;
  for await (const piece of createReadStream(path, { start, highWaterMark: 1 << 20 })) {
    checksum = crc32(piece as Buffer, checksum);
  }
  return checksum;
}
