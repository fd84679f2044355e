import { z } from 'zod';
import { AeTitle, Milliseconds, Name, Port } from './values.js';

/** DICOM objects that a destination can be given, each in a series of its own. */
export const DICOM_FORMS = ['sr', 'sc', 'gsps', 'pdf'] as const;

/** What a site may want to hear of beside the results themselves. */
export const EVENTS = ['flagged', 'uncertain', 'parked', 'alarm'] as const;
/** What is told where `events` is absent: of results and cases, not of the installation. */
const USUAL_EVENTS = ['flagged', 'uncertain', 'parked'] as const;

/** Words of urgency, the most urgent first. */
export const URGENCIES = ['stat', 'urgent', 'routine'] as const;

function once<T extends z.ZodType>(item: T) {
  return z
    .array(item)
    .min(1)
    .refine((items) => new Set(items).size === items.length, { error: 'something stands in it twice' });
}

/** Of a study in which nothing was found there is no presentation state: beside it goes what says so. */
export function saysAlways(forms: readonly string[]): boolean {
  return forms.some((form) => form !== 'gsps');
}
export const GSPS_ALONE = 'gsps alone says nothing where no disc was found: it goes beside another form';

/**
 * sr: Structured Report, sc: picture of the slice with the answer (Secondary Capture), gsps: boxes and words over the
 * MR image itself (Grayscale Softcopy Presentation State), pdf: a page to print (Encapsulated PDF)
 */
const Forms = once(z.enum(DICOM_FORMS)).refine(saysAlways, { error: GSPS_ALONE }).default(['sr', 'sc']);

const rejecting = {
  /** It is sent a rejection note (Key Object Selection, IHE IOCM) when a result is withdrawn. */
  rejectionNotes: z.boolean().default(false),
};

const throttled = {
  /** At most so many results are begun to be sent to it in a minute, by each agent; absent: as they come. */
  perMinute: z.number().int().positive().optional(),
  /** At most so many results are being sent to it at the same time, by each agent; absent: as they come. */
  atOnce: z.number().int().positive().optional(),
};

/** A file that is read when it is needed, so that a secret can be changed without a restart. */
const File = z.string().min(1);

export const HttpUrl = z
  .string()
  .refine((text) => URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol), {
    error: 'it is an address as https://pacs.example.org/dicom-web',
  })
  .refine((text) => !URL.canParse(text) || new URL(text).password === '', {
    error: 'a password does not belong in an address: use auth',
  });

/** How we show who we are; what is secret stands in a file of its own, the first line of it. */
const Auth = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('basic'), user: z.string().min(1), passwordFile: File }),
  z.strictObject({ type: z.literal('bearer'), tokenFile: File }),
]);

/** A server that is spoken to over HTTP. */
export const http = {
  name: Name,
  url: HttpUrl,
  auth: Auth.optional(),
  /** PEM file of the authority that the server's certificate comes from; absent: those that Node knows. */
  caFile: File.optional(),
  /** No answer for so long is none. */
  timeoutMs: Milliseconds.default(30_000),
};

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
  /** What it gets of each report: the Structured Report (sr), the picture (sc), boxes over the MR image (gsps), a page to print (pdf). */
  forms: Forms,
  ...rejecting,
  ...throttled,
});

/** DICOMweb (PS3.18 10.5). */
export const StowRsDestination = z.strictObject({
  ...http,
  channel: z.literal('stow-rs'),
  forms: Forms,
  ...rejecting,
  ...throttled,
});

/** HL7 v2.5.1 ORU^R01 over MLLP. */
export const Hl7Destination = z.strictObject({
  name: Name,
  channel: z.literal('hl7'),
  host: z.string().min(1),
  port: Port.min(1),
  /** Speaks TLS; `caFile` says whose certificate to believe. */
  tls: z.boolean().default(false),
  caFile: File.optional(),
  timeoutMs: Milliseconds.default(30_000),
  /** The site's own message, text with {{placeholders}} (docs/results.md); absent: ours. */
  templateFile: File.optional(),
  /** MSH-3 to MSH-6. */
  sendingApplication: z.string().default('CALCIDISC'),
  sendingFacility: z.string().default(''),
  receivingApplication: z.string().default(''),
  receivingFacility: z.string().default(''),
  /** MSH-11: production, training, debugging. */
  processing: z.enum(['P', 'T', 'D']).default('P'),
  ...throttled,
});

/** FHIR R4: `url` is the server's base, to which a transaction is posted. */
export const FhirDestination = z.strictObject({ ...http, channel: z.literal('fhir'), ...throttled });

export const WebhookDestination = z.strictObject({
  ...http,
  channel: z.literal('webhook'),
  /** The key of the signature (HMAC-SHA256), the first line of the file. */
  secretFile: File,
  events: once(z.enum(EVENTS)).default([...USUAL_EVENTS]),
  ...throttled,
});

export const EmailDestination = z.strictObject({
  name: Name,
  channel: z.literal('email'),
  /** The mail server. */
  host: z.string().min(1),
  port: Port.min(1).default(587),
  /** starttls: from the first word on (587); tls: from the first byte on (465); none: inside the house only. */
  security: z.enum(['starttls', 'tls', 'none']).default('starttls'),
  caFile: File.optional(),
  user: z.string().min(1).optional(),
  passwordFile: File.optional(),
  from: z.string().min(3),
  to: once(z.string().min(3)),
  timeoutMs: Milliseconds.default(30_000),
  events: once(z.enum(EVENTS)).default([...USUAL_EVENTS]),
  ...throttled,
});

/** Where results go. */
export const Destination = z.discriminatedUnion('channel', [
  CStoreDestination,
  StowRsDestination,
  Hl7Destination,
  FhirDestination,
  WebhookDestination,
  EmailDestination,
]);
