import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { CalcidiscError } from '../domain/errors.js';

const scryptAsync = promisify(scrypt) as (
  password: string,
  salt: Buffer,
  length: number,
  options: ScryptOptions,
) => Promise<Buffer>;

/** One of the equivalent settings of OWASP's Password Storage Cheat Sheet: 32 MiB and about a tenth of a second. */
const COST = { log2N: 15, r: 8, p: 3 } as const;
const HASH_BYTES = 32;
const SALT_BYTES = 16;

/** NIST SP 800-63B 5.1.1: long rather than odd, and never changed by the calendar. */
export const SHORTEST_PASSWORD = 12;
const LONGEST_PASSWORD = 256;

/** Each takes 32 MiB: whoever sends a hundred log-ins at once waits, and the machine does not. */
const MOST_AT_ONCE = 2;
let running = 0;
const waiting: (() => void)[] = [];

/** Names are written small and without surrounding spaces, so that nobody is there twice. */
export function accountName(text: string): string {
  return text.normalize('NFC').trim().toLowerCase();
}

/** @throws CalcidiscError ACCOUNT_REFUSED saying what is wrong with it */
export function refuseWeakPassword(password: string, name: string): void {
  const problem = weakness(password, name);
  if (problem) throw new CalcidiscError('ACCOUNT_REFUSED', problem);
}

function weakness(password: string, name: string): string | null {
  if (password.length < SHORTEST_PASSWORD)
    return `the password needs ${SHORTEST_PASSWORD} characters or more: several words do well`;
  if (password.length > LONGEST_PASSWORD)
    return `the password may have ${LONGEST_PASSWORD} characters at most`;
  const plain = password.toLowerCase();
  if (new Set(plain).size < 5) return 'the password repeats the same few characters';
  if (plain.replaceAll(name.toLowerCase(), '').length < SHORTEST_PASSWORD / 2)
    return 'the password is little more than the name';
  return null;
}

/** `$scrypt$ln=15,r=8,p=3$SALT$HASH`, base64. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, COST);
  const { log2N, r, p } = COST;
  return `$scrypt$ln=${log2N},r=${r},p=${p}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

const STORED = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/;
let nobodys: Promise<string> | undefined;

/**
 * Takes as long for an account that is not there (null) as for one that is: who listens to the clock learns no names.
 */
export async function isPassword(stored: string | null, password: string): Promise<boolean> {
  nobodys ??= hashPassword(randomBytes(SALT_BYTES).toString('hex'));
  const parts = STORED.exec(stored ?? (await nobodys));
  if (!parts) return false;
  const [, log2N, r, p, salt, hash] = parts;
  const cost = { log2N: Number(log2N), r: Number(r), p: Number(p) };
  const wanted = Buffer.from(hash!, 'base64');
  const derived = await derive(password.slice(0, LONGEST_PASSWORD), Buffer.from(salt!, 'base64'), cost);
  return derived.length === wanted.length && timingSafeEqual(derived, wanted) && stored !== null;
}

interface Cost {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
}

async function derive(password: string, salt: Buffer, { log2N, r, p }: Cost): Promise<Buffer> {
  await turn();
  try {
    const N = 2 ** log2N;
    return await scryptAsync(password.normalize('NFC'), salt, HASH_BYTES, { N, r, p, maxmem: 160 * N * r });
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

async function turn(): Promise<void> {
  while (running >= MOST_AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  running += 1;
}
