import { z } from 'zod';
import { http } from './channels.js';
import { AeTitle, Name, Port } from './values.js';

/** A PACS that can be asked (C-FIND) and that sends what is asked for (C-MOVE). */
const DimseSource = z.strictObject({
  name: Name,
  channel: z.literal('dimse').default('dimse'),
  aeTitle: AeTitle,
  host: z.string().min(1),
  port: Port.min(1),
  /** Speaks TLS, with `dicom.tls` as our side of it. */
  tls: z.boolean().default(false),
  /** The AE title this PACS knows us by as a C-MOVE destination; absent: dicom.aeTitle. */
  moveDestination: AeTitle.optional(),
});

const { timeoutMs: _, ...server } = http;

/** The same by DICOMweb: QIDO-RS and WADO-RS (PS3.18 10.6, 10.4); `url` is the service's root. */
const DicomWebSource = z.strictObject({
  ...server,
  channel: z.literal('dicomweb'),
  /** The AE title by which this PACS sends to us, if it does: then it alone is asked about what it sends. */
  aeTitle: AeTitle.optional(),
});

export const QuerySource = z.discriminatedUnion('channel', [DimseSource, DicomWebSource]);
