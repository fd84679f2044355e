import { z } from 'zod';
import { Cidr, Milliseconds, Port } from './values.js';

/** What an account may be (agent/domain/access.ts says what each may do); of several, the first counts. */
export const ACCOUNT_ROLES = ['administrator', 'auditor', 'radiologist', 'viewer'] as const;

/** What the page is reached by; the last slash is left away. */
const PublicUrl = z
  .string()
  .refine((text) => /^https?:\/\/[^/?#\s]+\/?$/.test(text) && URL.canParse(text), {
    error: 'it is an address without a path, as https://calcidisc.hospital.example',
  })
  .transform((text) => text.replace(/\/$/, ''));

/** Passwords and tokens go there: in clear text to this machine only. */
const Issuer = z
  .string()
  .refine(
    (text) =>
      URL.canParse(text) &&
      (new URL(text).protocol === 'https:' || /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)[:/]/.test(text)),
    { error: 'it is an address that begins with https://' },
  );

const Tls = z.strictObject({
  /** PEM files: our certificate (with its chain) and its key. */
  certFile: z.string().min(1),
  keyFile: z.string().min(1),
  minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
});

const Values = z.array(z.string().min(1)).default([]);

/** The claim's values that make a person each role. */
const RoleValues = z.strictObject({
  administrator: Values,
  auditor: Values,
  radiologist: Values,
  viewer: Values,
} satisfies Record<(typeof ACCOUNT_ROLES)[number], z.ZodType>);

const Oidc = z.strictObject({
  /** The provider's address, under which it has /.well-known/openid-configuration. */
  issuer: Issuer,
  clientId: z.string().min(1),
  /** A file that holds the client's secret and nothing else; absent: a public client (PKCE alone). */
  clientSecretFile: z.string().min(1).optional(),
  /** What the log-in page calls it. */
  label: z.string().min(1).max(64).default('Single sign-on'),
  scope: z.string().default('openid profile email'),
  /** The claim that names the person on the trail. */
  nameClaim: z.string().min(1).default('preferred_username'),
  /** The claim with the person's roles or groups; a dot goes into an object (realm_access.roles). */
  roleClaim: z.string().min(1).default('roles'),
  /** Which of its values make a person what; who has none of them is not let in. */
  roles: RoleValues,
});

/** The page and its JSON: where, for whom, and how they say who they are (docs/access.md). */
export const Http = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: Port.default(8080),
  /**
   * 'required': everybody logs in; 'loopback-open': nobody has to, on this machine, until there is an account. Absent: the
   * second while the page is for this machine alone (no other host, no proxy, no single sign-on), else the first.
   */
  access: z.enum(['required', 'loopback-open']).optional(),
  /** What browsers reach the page by, where that is not its own host and port: for links and OpenID Connect. */
  publicUrl: PublicUrl.optional(),
  /** The page speaks HTTPS and nothing else; absent: plain HTTP, for this machine or a proxy. */
  tls: Tls.optional(),
  session: z
    .strictObject({
      /** Who has done nothing for so long is logged out; a page that looks for news by itself is nobody's doing. */
      idleMs: Milliseconds.default(3_600_000),
      /** After so long everybody logs in again. */
      maxMs: Milliseconds.default(12 * 3_600_000),
    })
    .prefault({}),
  /** Requests of one address in a minute, past which it is answered 429. */
  requestsPerMinute: z.number().int().positive().default(3_000),
  /** 'token': /metrics wants a token with the role monitor or administrator (`calcidisc token add`). */
  metrics: z.enum(['open', 'token']).default('open'),
  /** Images and documents sent by DICOMweb (STOW-RS) with a token of the role sender. */
  stow: z
    .strictObject({
      enabled: z.boolean().default(false),
      /** A request that is larger is refused with 413. */
      maxRequestMiB: z.number().int().positive().default(4_096),
    })
    .prefault({}),
  /** Log-in by an OpenID Connect provider. */
  oidc: Oidc.optional(),
  /** Proxies in front of the page whose word on the caller's address (X-Forwarded-For) is believed. */
  trustedProxies: z.array(Cidr).default([]),
  /** The header in which such a proxy names the person it has logged in: that one needs no log-in here. */
  userHeader: z.string().min(1).optional(),
  /** What such a person may do who has no account here; absent: nothing. */
  userRole: z.enum(ACCOUNT_ROLES).optional(),
});
