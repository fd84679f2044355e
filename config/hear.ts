import { z } from 'zod';
import { LOOPBACK, Port } from './values.js';

/** Languages in which the words of written reports are understood. */
export const REPORT_LANGUAGES = ['en', 'de', 'fr', 'es', 'it', 'nl', 'pt'] as const;

/** Where written reports come in as HL7 v2 over MLLP; absent: nowhere. */
const Hl7Listener = z
  .strictObject({
    /** Loopback unless told otherwise: MLLP asks nobody who they are, so beyond it TLS with certificates is wanted. */
    host: z.string().default('127.0.0.1'),
    port: Port,
    tls: z
      .strictObject({
        /** PEM files: our certificate (with its chain), its key, and the authorities that senders' certificates come from. */
        certFile: z.string().min(1),
        keyFile: z.string().min(1),
        caFile: z.string().min(1).optional(),
        clientCertificates: z.enum(['none', 'optional', 'required']).default('required'),
        minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
      })
      .refine((tls) => tls.clientCertificates === 'none' || tls.caFile !== undefined, {
        error:
          'senders have to show a certificate (clientCertificates), so caFile has to say whose to believe',
      })
      .optional(),
    /** Addresses that may send; empty: any that reaches the port. */
    allowedHosts: z.array(z.string().min(1)).default([]),
    /** A connection that says nothing for so long is closed. */
    idleTimeoutMs: z.number().int().positive().default(600_000),
  })
  .refine(
    ({ host, tls, allowedHosts }) => LOOPBACK.includes(host) || tls !== undefined || allowedHosts.length > 0,
    { error: 'beyond this machine anybody could send: set tls, or allowedHosts' },
  );

export const Hear = z.strictObject({
  hl7: Hl7Listener.optional(),
  /** What written reports are in, where it cannot be told by their words. */
  language: z.enum(REPORT_LANGUAGES).optional(),
});
