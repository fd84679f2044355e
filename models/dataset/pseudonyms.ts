import { createHmac, randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { CalcidiscError } from '../../agent/domain/errors.js';

/**
 * Names for research: HMAC-SHA-256 under a key that never leaves the site. The same thing has the same pseudonym in
 * every export under the same key; without the key nobody can find the way back, not even by trying all patient ids.
 */
export interface Pseudonyms {
  patient(patient: PatientIdentity): string;
  study(studyInstanceUid: string): string;
  case(caseId: string): string;
  reader(name: string): string;
  /** How many days earlier all dates of a patient are written: 1 to 3,652, the same in every export. */
  daysEarlier(patient: PatientIdentity): number;
  /** Tells exports under one key from those under another; says nothing about the key. */
  readonly fingerprint: string;
}

export interface PatientIdentity {
  readonly patientId: string;
  readonly issuerOfPatientId: string;
}

const KEY_BYTES = 32;
/** 64 bits: among a million patients two share a pseudonym with a probability of 3 in 10^8. */
const PSEUDONYM_DIGITS = 16;
const MAX_SHIFT_DAYS = 3652;

export function pseudonymsOf(key: Buffer): Pseudonyms {
  const digest = (kind: string, ...parts: readonly string[]) =>
    createHmac('sha256', key)
      .update(JSON.stringify([kind, ...parts]))
      .digest();
  const name = (prefix: string, kind: string, ...parts: readonly string[]) =>
    prefix +
    digest(kind, ...parts)
      .toString('hex')
      .slice(0, PSEUDONYM_DIGITS);
  return {
    patient: ({ patientId, issuerOfPatientId }) => name('P', 'patient', issuerOfPatientId, patientId),
    study: (studyInstanceUid) => name('S', 'study', studyInstanceUid),
    case: (caseId) => name('C', 'case', caseId),
    reader: (reader) => name('R', 'reader', reader),
    daysEarlier: ({ patientId, issuerOfPatientId }) =>
      1 + (digest('days', issuerOfPatientId, patientId).readUInt32BE(0) % MAX_SHIFT_DAYS),
    fingerprint: name('', 'fingerprint'),
  };
}

/**
 * Reads the key, or makes one on first use, for its owner's eyes only (mode 0600).
 * @param outDir the export's folder: a key inside it would travel with what it protects
 * @throws CalcidiscError KEY_INVALID
 */
export async function openKey(path: string, outDir?: string): Promise<Buffer> {
  if (outDir !== undefined && (await isInside(path, outDir)))
    throw new CalcidiscError('KEY_INVALID', `the key ${path} must not lie in the export's own folder`);
  return (await readKey(path)) ?? (await createKey(path)) ?? (await readKey(path))!;
}

/** @returns null when there is no file */
async function readKey(path: string): Promise<Buffer | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new CalcidiscError(
      'KEY_INVALID',
      `cannot read the key ${path}: ${error.code}`,
      {},
      { cause: error },
    );
  });
  if (text === null) return null;
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw new CalcidiscError('KEY_INVALID', `others can read the key ${path}: chmod 600 ${path}`);
  if (!/^[0-9a-f]{64}\s*$/.test(text))
    throw new CalcidiscError('KEY_INVALID', `${path} is no key: it has to hold 64 hexadecimal digits`);
  return Buffer.from(text.trim(), 'hex');
}

/** @returns null when somebody else made it meanwhile */
async function createKey(path: string): Promise<Buffer | null> {
  const key = randomBytes(KEY_BYTES);
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(path, `${key.toString('hex')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return null;
    throw new CalcidiscError('KEY_INVALID', `cannot write the key ${path}: ${code}`, {}, { cause: error });
  }
  // The umask may have taken the owner's own rights away.
  await chmod(path, 0o600);
  return key;
}

async function isInside(path: string, folder: string): Promise<boolean> {
  const way = relative(await trueFolder(folder), join(await trueFolder(dirname(path)), basename(path)));
  return way !== '..' && !way.startsWith(`..${sep}`);
}

/** Links resolved, as far up as the path exists. */
async function trueFolder(path: string): Promise<string> {
  const whole = resolve(path);
  const found = await realpath(whole).catch(() => null);
  if (found !== null || dirname(whole) === whole) return found ?? whole;
  return join(await trueFolder(dirname(whole)), basename(whole));
}
