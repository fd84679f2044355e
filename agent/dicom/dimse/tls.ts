import { readFileSync } from 'node:fs';
import type { ConnectionOptions, TlsOptions } from 'node:tls';

/** PEM files of one side, as `dicom.tls` of the configuration names them. */
export interface TlsIdentity {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile?: string | undefined;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Of a listener. */
  readonly clientCertificates: 'none' | 'optional' | 'required';
}

/**
 * The BCP 195 profile of PS3.15 B.9 and B.10: TLS 1.2 with forward secrecy and authenticated encryption only
 * (RFC 9325 4.2); TLS 1.3's suites are all of that kind.
 */
export const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
] as const;

/** @throws the file system's error when a file cannot be read */
export function listenerTls(identity: TlsIdentity): TlsOptions {
  return {
    ...both(identity),
    honorCipherOrder: true,
    requestCert: identity.clientCertificates !== 'none',
    rejectUnauthorized: identity.clientCertificates === 'required',
  };
}

/** @throws the file system's error when a file cannot be read */
export function callerTls(identity: TlsIdentity): ConnectionOptions {
  return { ...both(identity), rejectUnauthorized: true };
}

function both({ certFile, keyFile, caFile, minVersion }: TlsIdentity) {
  return {
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    minVersion,
    ciphers: CIPHERS.join(':'),
  };
}
