import { z } from 'zod';
import { AeTitle, Name, Port } from './values.js';

/** DICOM objects that a destination can be given, each in a series of its own. */
export const DICOM_FORMS = ['sr', 'sc'] as const;

/** Words of urgency, the most urgent first. */
export const URGENCIES = ['stat', 'urgent', 'routine'] as const;

function once<T extends z.ZodType>(item: T) {
  return z
    .array(item)
    .min(1)
    .refine((items) => new Set(items).size === items.length, { error: 'something stands in it twice' });
}

/** sr: Structured Report, sc: picture of the slice with the answer (Secondary Capture) */
const Forms = once(z.enum(DICOM_FORMS)).default(['sr', 'sc']);

export const CStoreDestination = z.strictObject({
  name: Name,
  /** What it speaks (agent/deliver/channels). */
  channel: z.literal('c-store').default('c-store'),
  aeTitle: AeTitle,
  host: z.string().min(1),
  port: Port.min(1),
  /** Speaks TLS, with `dicom.tls` as our side of it. */
  tls: z.boolean().default(false),
  /** It is asked to keep each report safe (Storage Commitment), and has to know us as an AE to answer. */
  commitment: z.boolean().default(false),
  /** What it gets of each report: the Structured Report (sr), the picture (sc). */
  forms: Forms,
});

/** Where results go. */
export const Destination = z.discriminatedUnion('channel', [CStoreDestination]);
