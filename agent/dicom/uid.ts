import { createHash, randomUUID } from 'node:crypto';

/** A DICOM unique identifier that has been checked (PS3.5 9.1). */
export type Uid = string & { readonly __brand: 'Uid' };

const UID_PATTERN = /^[\d.]*\d[\d.]*$/;

/**
 * At most 64 digits and dots (PS3.5 9.1). Components with leading zeros, and empty ones, are against the rules and in
 * the archives: a UID is compared and repeated here, never taken apart, so nothing hangs on them.
 */
export function isUid(value: unknown): value is Uid {
  return typeof value === 'string' && value.length <= 64 && UID_PATTERN.test(value);
}

/** @throws RangeError when the text is not a UID; the message repeats at most 80 characters of it */
export function parseUid(value: unknown): Uid {
  if (isUid(value)) return value;
  throw new RangeError(`not a DICOM UID: ${JSON.stringify(value)?.slice(0, 80)}`);
}

/** A new UID under 2.25 from a random UUID (PS3.5 B.2). */
export function newUid(): Uid {
  return uidFromHex(randomUUID().replaceAll('-', ''));
}

/** The same UID for the same parts, for ever: how a retried report can never become a second one. */
export function derivedUid(...parts: readonly (string | number)[]): Uid {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
  // RFC 9562 version 8 (custom) and its variant bits, so that the number is a UUID as B.2 asks.
  const variant = ((Number.parseInt(digest[16]!, 16) & 0x3) | 0x8).toString(16);
  return uidFromHex(`${digest.slice(0, 12)}8${digest.slice(13, 16)}${variant}${digest.slice(17)}`);
}

function uidFromHex(hex: string): Uid {
  return `2.25.${BigInt(`0x${hex}`)}` as Uid;
}
