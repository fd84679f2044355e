import { isIP } from 'node:net';
import { z } from 'zod';

/** PS3.5 6.2: an AE title has 1 to 16 characters, no backslash, no control characters, not only spaces. */
export const AeTitle = z
  .string()
  .trim()
  .regex(
    /^[\x20-\x5b\x5d-\x7e]{1,16}$/,
    'an AE title has 1 to 16 printable ASCII characters and no backslash',
  );
export const Port = z.number().int().min(0).max(65535);

export const Milliseconds = z.number().int().positive();

/** What deliveries, fetches and the trail go by: one that stands twice would name two. */
export const Name = z.string().trim().min(1).max(64);

function isCidr(text: string): boolean {
  const [address, prefix, ...more] = text.split('/');
  const family = isIP(address ?? '');
  if (family === 0 || more.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

/** `10.1.0.0/16`, `fd00::/8`, or one address. */
export const Cidr = z
  .string()
  .refine(isCidr, 'a network is an address with or without a prefix length, for example 10.1.0.0/16');

/** Hosts that nobody but this machine reaches. */
export const LOOPBACK: readonly string[] = ['127.0.0.1', '::1', 'localhost'];

/** Whether a page asks everybody who they are: what is said, else whether anybody but this machine may reach it. */
export function accessOf(http: {
  readonly access?: 'required' | 'loopback-open' | undefined;
  readonly host: string;
  readonly trustedProxies: readonly string[];
  readonly oidc?: unknown;
}): 'required' | 'loopback-open' {
  const isAlone = LOOPBACK.includes(http.host) && http.trustedProxies.length === 0 && !http.oidc;
  return http.access ?? (isAlone ? 'loopback-open' : 'required');
}
