import { z } from 'zod';
import { Agents } from './agents.js';
import { Destination } from './channels.js';
import { Hear } from './hear.js';
import { Http } from './http.js';
import { Retention } from './retention.js';
import { QuerySource } from './sources.js';
import { AeTitle, Cidr, Milliseconds, Port } from './values.js';

/** What an MR series shows bright, as far as it bears on which of several is read. */
export const CONTRASTS = [
  'T2',
  'T2-IN-PHASE',
  'T2-FS',
  'T2-WATER',
  'PD',
  'STIR',
  'T1',
  'OTHER',
  'T2-OPPOSED-PHASE',
  'T2-FAT',
] as const;

/** A list in which nothing stands twice. */
const unique = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .min(1)
    .refine((items) => new Set(items).size === items.length, { error: 'something stands in it twice' });

/** What one calling AE may do; an AE title without an entry goes by `allowedCallingAEs` and the general limits. */
const Remote = z.strictObject({
  aeTitle: AeTitle,
  /** Where it may call from; empty: anywhere. */
  networks: z.array(Cidr).default([]),
  /** SHA-256 fingerprints (hexadecimal, colons allowed) of its TLS certificate; empty: any. Needs dicom.tls. */
  certificates: z
    .array(
      z
        .string()
        .transform((text) => text.replaceAll(':', '').toLowerCase())
        .pipe(z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 fingerprint has 64 hexadecimal digits')),
    )
    .default([]),
  /** SOP class UIDs it may store, of those we take; empty: all. */
  sopClasses: z.array(z.string().regex(/^[0-9.]{3,64}$/)).default([]),
  /** Transfer syntax UIDs it may use, of those we take; empty: all. */
  transferSyntaxes: z.array(z.string().regex(/^[0-9.]{3,64}$/)).default([]),
  maxAssociations: z.number().int().positive().optional(),
  /** Where it listens itself: for the results of storage commitment that its association did not wait for. */
  host: z.string().min(1).optional(),
  port: Port.min(1).optional(),
});

const Tls = z
  .strictObject({
    /** PEM files: our certificate (with its chain), its key, and the authorities that peers' certificates come from. */
    certFile: z.string().min(1),
    keyFile: z.string().min(1),
    caFile: z.string().min(1).optional(),
    /** Whether a caller has to show a certificate that `caFile` vouches for (mutual authentication). */
    clientCertificates: z.enum(['none', 'optional', 'required']).default('required'),
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
  })
  .refine(
    (tls) => tls.clientCertificates === 'none' || tls.caFile !== undefined,
    'callers have to show a certificate (clientCertificates), so caFile has to say whose to believe',
  );

function isOnce<T>(items: readonly T[], nameOf: (item: T) => string): boolean {
  return new Set(items.map(nameOf)).size === items.length;
}

/** A server's address; its password is never shown. */
function isUrlOf(text: string, protocols: readonly string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol);
}

export const ConfigSchema = z.strictObject({
  dataDir: z.string().min(1).default('./calcidisc-data'),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
      /** 'json': a line each for machines, times in milliseconds; 'pretty': for people. */
      format: z.enum(['json', 'pretty']).default('json'),
    })
    .prefault({}),
  database: z
    .strictObject({
      /** A PostgreSQL server; absent: the embedded one under dataDir. */
      url: z
        .string()
        .refine((text) => isUrlOf(text, ['postgres:', 'postgresql:']), {
          error: 'it is an address as postgres://account:password@host:5432/database',
        })
        .optional(),
      /** Connections of one process; migrations need two at once. */
      poolSize: z.number().int().min(2).default(10),
    })
    .prefault({}),
  queue: z
    .strictObject({
      /** A Redis server; absent: the queue lives in the same PostgreSQL as everything else. */
      redisUrl: z
        .string()
        .refine((text) => isUrlOf(text, ['redis:', 'rediss:']), {
          error: 'it is an address as redis://host:6379',
        })
        .optional(),
      prefix: z.string().default('calcidisc'),
      /** How often rows whose wake-up was lost are woken again. */
      sweepMs: Milliseconds.default(5_000),
    })
    .prefault({}),
  dicom: z
    .strictObject({
      aeTitle: AeTitle.default('CALCIDISC'),
      /** Loopback unless told otherwise: a wider address needs an allow list (checked below). */
      host: z.string().default('127.0.0.1'),
      port: Port.default(11112),
      /** Calling AE titles that may open an association; '*' is anybody. */
      allowedCallingAEs: z.array(z.union([z.literal('*'), AeTitle])).default(['*']),
      /** Rules for single callers; an AE title listed here is let in without standing above. */
      remotes: z
        .array(Remote)
        .refine((remotes) => isOnce(remotes, ({ aeTitle }) => aeTitle), {
          error: 'two remotes have the same aeTitle: only the first would count',
        })
        .default([]),
      checkCalledAe: z.boolean().default(true),
      /** Our listener speaks TLS and nothing else; absent: plain TCP. */
      tls: Tls.optional(),
      /** Storage SOP classes that we do not read: kept unread in a store of their own, or refused when offered. */
      otherSopClasses: z.enum(['keep', 'refuse']).default('keep'),
      /** What is kept unread takes at most so much of the disk: the oldest make room. */
      unreadStoreMiB: z.number().int().nonnegative().default(10_240),
      maxPduBytes: z.number().int().min(4096).max(1_048_576).default(262_144),
      maxAssociations: z.number().int().positive().default(64),
      /** An association that says nothing for so long is aborted. */
      idleTimeoutMs: Milliseconds.default(60_000),
      acceptLossy: z.boolean().default(false),
      /** C-STORE is answered A700 while the spool's disk has less than this free. */
      minFreeDiskMiB: z.number().int().nonnegative().default(512),
    })
    .prefault({}),
  agents: Agents,
  retention: Retention,
  assemble: z
    .strictObject({
      /** A series that nothing better has completed is complete after so long without a new image. */
      quietPeriodMs: Milliseconds.default(60_000),
      /** After the association's release a gapless stack is complete after so long. */
      releaseGraceMs: z.number().int().nonnegative().default(250),
      /** The same for a series that came over several associations: it looks gapless long before its end. */
      manyAssociationsGraceMs: z.number().int().nonnegative().default(5_000),
      /** A study is answered when nothing has come for so long and all that may be read of it has been. */
      studyQuietMs: Milliseconds.default(30_000),
      /** The same for a first report that only a repeat could better; less where its sender leaves less between series (docs/routing.md). */
      studyEarlyMs: z.number().int().nonnegative().default(2_000),
    })
    .prefault({}),
  route: z
    .strictObject({
      /** CEL over the series' attributes (docs/routing.md); which MR series are read and which CT are the reference. */
      mr: z
        .string()
        .default(
          "Modality == 'MR' && orientation == 'SAGITTAL' && weighting == 'T2' && region in ['LUMBAR', 'UNKNOWN']",
        ),
      ct: z
        .string()
        .default(
          "Modality == 'CT' && orientation in ['AXIAL', 'SAGITTAL'] && region in ['LUMBAR', 'UNKNOWN']",
        ),
      /** CEL: which other series are located too, to compare the levels with the series that is read. */
      check: z.string().default('false'),
      destinations: z
        .array(Destination)
        .refine((destinations) => isOnce(destinations, ({ name }) => name), {
          error: 'two destinations have the same name: each needs one of its own',
        })
        .default([]),
    })
    .prefault({}),
  read: z
    .strictObject({
      /** By what one of several series of a study is chosen, what weighs most first (agent/read/choose.ts). */
      order: unique(z.enum(['contrast', 'located', 'criteria', 'resolution', 'later'])).default([
        'contrast',
        'located',
        'criteria',
        'resolution',
        'later',
      ]),
      /** Contrasts, the best to read first; those not named come last. */
      contrasts: unique(z.enum(CONTRASTS)).default([
        'T2',
        'T2-IN-PHASE',
        'T2-FS',
        'T2-WATER',
        'PD',
        'STIR',
        'T1',
        'OTHER',
      ]),
      /** So far apart may two series of one frame of reference see the same disc. */
      agreeMm: z.number().positive().default(10),
    })
    .prefault({}),
  pair: z
    .strictObject({
      /** Calendar days between the two acquisition dates, either way (the study: within 4 weeks). */
      windowDays: z.number().int().nonnegative().default(28),
    })
    .prefault({}),
  audit: z
    .strictObject({
      /** Sends the trail on as DICOM audit messages (PS3.15 A.5) by syslog over TLS (RFC 5424, RFC 5425). */
      syslog: z
        .strictObject({
          host: z.string().min(1),
          port: z.number().int().min(1).max(65_535).default(6_514),
          /** PEM: who has issued the server's certificate; absent: the authorities of the machine. */
          caFile: z.string().min(1).optional(),
          /** PEM: our own certificate and its key, where the server asks for one. */
          certFile: z.string().min(1).optional(),
          keyFile: z.string().min(1).optional(),
          /** AuditEnterpriseSiteID of each message. */
          siteId: z.string().min(1).optional(),
        })
        .optional(),
      /** Writes the last row of the trail elsewhere, so that one that was rewritten can be told. */
      anchor: z
        .strictObject({
          /** A line is added to it each time. */
          file: z.string().min(1).optional(),
          /** A time-stamping authority (RFC 3161); it is sent a hash. */
          timeStampUrl: z.url({ protocol: /^https?$/ }).optional(),
          /** So often. */
          everyMs: Milliseconds.default(3_600_000),
        })
        .refine(({ file, timeStampUrl }) => file !== undefined || timeStampUrl !== undefined, {
          error: 'file or timeStampUrl has to say where to',
        })
        .optional(),
    })
    .prefault({}),
  query: z
    .strictObject({
      sources: z
        .array(QuerySource)
        .refine((sources) => isOnce(sources, ({ name }) => name), {
          error: 'two sources have the same name: each needs one of its own',
        })
        .default([]),
      /** Asks the sources how many images a series has that is being received. */
      counts: z.boolean().default(true),
      /** A series is asked about again after so long; a count is believed when it was the same twice. */
      recountMs: Milliseconds.default(2_000),
      /** For the association and for each answer to a C-FIND. */
      timeoutMs: Milliseconds.default(10_000),
      priors: z
        .strictObject({
          enabled: z.boolean().default(true),
          /** Calendar days before and after; absent: pair.windowDays. */
          windowDays: z.number().int().nonnegative().optional(),
          /** CEL over what the PACS says of a series (docs/routing.md): which of those in the window are fetched. */
          rule: z.string().default('true'),
          /** The studies nearest in time, for each series that asks and each source. */
          maxStudies: z.number().int().positive().default(3),
          /** Fetches that are under way at once. */
          maxConcurrent: z.number().int().positive().default(2),
          /** A C-MOVE that says nothing for so long is given up and tried again. */
          moveTimeoutMs: Milliseconds.default(120_000),
          /** A case waits so long for a fetch that is under way, and no longer. */
          caseWaitMs: Milliseconds.default(120_000),
          firstRetryMs: Milliseconds.default(5_000),
          maxRetryMs: Milliseconds.default(600_000),
          /** After so long without success a fetch has failed. */
          giveUpAfterMs: Milliseconds.default(24 * 3_600_000),
        })
        .prefault({}),
      backfill: z
        .strictObject({
          /** Studies of a backfill that are under way at once: fetched and not at rest yet. */
          atOnce: z.number().int().positive().default(2),
        })
        .prefault({}),
    })
    .prefault({}),
  locate: z
    .strictObject({
      model: z.string().default('localiser'),
      /** How far the region reaches above and below the disc (the study: 10 mm). */
      marginMm: z.number().min(8).max(12).default(10),
      /** Series located at once; absent: half of the cores that may be used, at most 4 (cores.ts). */
      threads: z.number().int().positive().optional(),
    })
    .prefault({}),
  reference: z
    .strictObject({
      /** The study's range of a calcified disc on CT, Hounsfield units. */
      huLow: z.number().default(120.1),
      huHigh: z.number().default(383.7),
      minAreaMm2: z.number().positive().default(4),
    })
    .prefault({}),
  worker: z
    .strictObject({
      provider: z.enum(['cpu', 'cuda', 'auto']).default('auto'),
      batchSize: z.number().int().positive().default(16),
      batchWaitMs: z.number().int().nonnegative().default(10),
      threads: z.number().int().positive().optional(),
      lanes: z.number().int().positive().optional(),
      /** Where a worker that runs alone shows /metrics and /healthz, in clear text and to everybody who reaches it; absent: nowhere. */
      metricsPort: Port.optional(),
      metricsHost: z.string().min(1).default('127.0.0.1'),
    })
    .prefault({}),
  report: z
    .strictObject({
      sopClass: z.enum(['Comprehensive3DSR', 'ComprehensiveSR', 'EnhancedSR']).default('Comprehensive3DSR'),
      seriesDescription: z.string().max(64).default('Calcidisc AI: disc calcification (research)'),
      /**
       * Share of lumbar discs at this site that are calcified herniations, which the stated certainty is for. By default
       * 14 % of discs are herniated (Zhang et al., SpringerPlus 5:1973, 2016, 26,440 discs on MR) and about a tenth of
       * herniations are calcified, an assumption: a site that counts its own sets it.
       */
      prevalence: z.number().gt(0).lt(1).default(0.015),
      /**
       * The share of discs that may be flagged; when more of the last `flaggedOver` told ones are than chance explains, page,
       * doctor and metrics say so.
       */
      flaggedAtMost: z.number().gt(0).max(1).default(0.1),
      flaggedOver: z.number().int().min(20).max(100_000).default(200),
    })
    .prefault({}),
  results: z
    .strictObject({
      /** silent: a case ends at `reported` and nothing is sent; going live sends what comes from then on. */
      mode: z.enum(['live', 'silent']).default('live'),
      /** YAML or JSON file of rules: which results go where (docs/results.md); absent: all to every destination. */
      rules: z.string().min(1).optional(),
    })
    .prefault({}),
  deliver: z
    .strictObject({
      firstRetryMs: Milliseconds.default(2_000),
      maxRetryMs: Milliseconds.default(600_000),
      /** After so long without success a delivery is parked for a person. */
      giveUpAfterMs: Milliseconds.default(7 * 24 * 3_600_000),
      /** For destinations with `commitment`. */
      commitment: z
        .strictObject({
          /** No answer for so long, and it is asked again; then twice as long, up to the second. */
          answerMs: Milliseconds.default(600_000),
          maxAnswerMs: Milliseconds.default(6 * 3_600_000),
          /** How often a report that the destination does not have is sent again before it is parked. */
          maxResends: z.number().int().nonnegative().default(3),
        })
        .prefault({}),
    })
    .prefault({}),
  retry: z
    .strictObject({
      firstMs: Milliseconds.default(1_000),
      maxMs: Milliseconds.default(300_000),
      /** How often a step of a case may be started before it is parked with its last error. */
      maxAttempts: z.number().int().positive().default(8),
    })
    .prefault({}),
  hear: Hear.prefault({}),
  http: Http.prefault({}),
});

export type Config = Readonly<z.output<typeof ConfigSchema>>;
export type ConfigInput = z.input<typeof ConfigSchema>;
