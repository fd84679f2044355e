import { randomBytes } from 'node:crypto';
import { sha256 } from '../domain/hash.js';

/**
 * What lets somebody in: 256 random bits, known to its holder only. A plain SHA-256 is enough to keep it by: there is
 * nothing to guess. The prefix lets scanners of repositories find one that was put where it does not belong.
 */
export interface Secret {
  readonly text: string;
  readonly hash: string;
}

export function newSecret(prefix = ''): Secret {
  const text = `${prefix}${randomBytes(32).toString('base64url')}`;
  return { text, hash: sha256(text) };
}

export const TOKEN_PREFIX = 'calcidisc_';
