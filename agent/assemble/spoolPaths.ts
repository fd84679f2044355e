import { join, relative } from 'node:path';
import { sha256 } from '../domain/hash.js';

/**
 * Where an indexed object lies, relative to the spool's store. The name is a digest of the UID, never the UID itself:
 * what a sender writes in a data set must not choose a path. Two hexadecimal digits of folders keep each one small.
 */
export function storeName(sopInstanceUid: string): string {
  const name = sha256(sopInstanceUid).slice(0, 40);
  return join(name.slice(0, 2), `${name}.dcm`);
}

/** The same, relative to the data folder: what the index keeps. */
export function storePath(sopInstanceUid: string): string {
  return join(STORE, storeName(sopInstanceUid));
}

/** Of an image that came again with another header: beside the one of before, which stays where it is. */
export function storePathAgain(sopInstanceUid: string, datasetSha256: string, receivedAt: Date): string {
  // The time too: a header that comes back after another is a file of its own.
  const again = `${datasetSha256.slice(0, 16)}-${receivedAt.getTime().toString(36)}`;
  return storePath(sopInstanceUid).replace(/\.dcm$/, `-${again}.dcm`);
}

/** Of an object that is kept unread: apart, because it may have to make room. */
export function unreadPath(sopInstanceUid: string, datasetSha256: string): string {
  const name = storeName(sopInstanceUid).replace(/\.dcm$/, `-${datasetSha256.slice(0, 16)}.dcm`);
  return join(STORE, 'unread', name);
}

/** What the index keeps, relative to the store. */
export function inStore(spoolPath: string): string {
  return relative(STORE, spoolPath);
}

const STORE = join('spool', 'store');
