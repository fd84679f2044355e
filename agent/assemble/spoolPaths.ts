import { createHash } from 'node:crypto';
import { join } from 'node:path';

/**
 * Where an indexed object lies, relative to the spool's store. The name is a digest of the UID, never the UID itself:
 * what a sender writes in a data set must not choose a path. Two hexadecimal digits of folders keep each one small.
 */
export function storeName(sopInstanceUid: string): string {
  const name = createHash('sha256').update(sopInstanceUid).digest('hex').slice(0, 40);
  return join(name.slice(0, 2), `${name}.dcm`);
}

/** The same, relative to the data folder: what the index keeps. */
export function storePath(sopInstanceUid: string): string {
  return join('spool', 'store', storeName(sopInstanceUid));
}
