import { randomBytes } from 'node:crypto';
import fastifyCookie from '@fastify/cookie';
import fastifyCsrf from '@fastify/csrf-protection';
import fastifySession from '@fastify/session';
import type { FastifyInstance, FastifyRequest, Session } from 'fastify';
import type { Logger } from '../../../config/log.js';
import type { Config } from '../../../config/schema.js';
import type { Database } from '../../../db/server/database.js';
import {
  accessSecret,
  deleteExpiredSessions,
  deleteSession,
  findSession,
  insertSession,
  updateSession,
} from '../../../db/tables/accessSessions.js';
import type { AccountRow } from '../../../db/tables/accounts.js';
import type { Launched } from '../../access/launches.js';
import type { Departure } from '../../access/oidc.js';
import { sha256 } from '../../domain/hash.js';

declare module 'fastify' {
  interface Session {
    /** Absent before the log-in. */
    accountId?: string;
    /** Of the log-in, and of the last thing its owner did. Milliseconds. */
    startedAt?: number;
    usedAt?: number;
    /** Another system opened one study in this browser. */
    launched?: Launched;
    /** On the way to an OpenID Connect provider. */
    departure?: Departure & { readonly next: string };
    /** It came from the database: one that is not there any more must not come back. */
    stored?: boolean;
  }
}

/** A log-in page that was opened and left. */
const ANONYMOUS_MS = 3_600_000;
const SWEEP_MS = 600_000;

export interface SessionParts {
  readonly log: Logger;
  readonly config: { readonly http: Pick<Config['http'], 'session' | 'tls' | 'publicUrl'> };
  readonly database: Pick<Database, 'knex'>;
}

/** Server-side sessions in PostgreSQL, and the protection of forms (CSRF) that hangs on them. */
export async function addSessions(app: FastifyInstance, parts: SessionParts): Promise<void> {
  const { http } = parts.config;
  const { knex } = parts.database;
  const isSecure = isHttps(http);
  const secret = await secretOf(parts);
  await app.register(fastifyCookie);
  await app.register(fastifySession, {
    secret,
    cookieName: cookieName(secret, isSecure),
    store: sessionStore(parts),
    saveUninitialized: false,
    rolling: false,
    cookie: { path: '/', httpOnly: true, sameSite: 'lax', secure: isSecure },
  });
  await app.register(fastifyCsrf, { sessionPlugin: '@fastify/session' });
  const sweep = setInterval(() => void deleteExpiredSessions(knex).catch(() => undefined), SWEEP_MS).unref();
  app.addHook('onClose', async () => clearInterval(sweep));
}

/** The page stands before a database that is away, too, and says so: nobody can be logged in then. */
async function secretOf({ database, log }: SessionParts): Promise<string> {
  const fresh = randomBytes(48).toString('base64url');
  return accessSecret(database.knex, fresh).catch((error: unknown) => {
    log.warn({ err: error }, 'no secret for cookies from the database: who was logged in logs in again');
    return fresh;
  });
}

/** Browsers share cookies between ports: each installation has a name of its own, or a demo would log its user out. */
function cookieName(secret: string, isSecure: boolean): string {
  // RFC 6265bis 4.1.3.2: of this host alone, by HTTPS alone.
  return `${isSecure ? '__Host-' : ''}calcidisc-${sha256(secret).slice(0, 8)}`;
}

export function isHttps({ tls, publicUrl }: Pick<Config['http'], 'tls' | 'publicUrl'>): boolean {
  return tls !== undefined || (publicUrl?.startsWith('https:') ?? false);
}

/** @fastify/session's store; of a session's id the database knows the hash. */
function sessionStore({ config, database: { knex } }: SessionParts) {
  const { idleMs, maxMs } = config.http.session;

  function rowOf(id: string, session: Session) {
    const { accountId = null, startedAt = 0, usedAt = 0 } = session;
    const until = accountId ? Math.min(usedAt + idleMs, startedAt + maxMs) : Date.now() + ANONYMOUS_MS;
    const data = JSON.parse(JSON.stringify(session)) as Record<string, unknown>;
    return { idHash: sha256(id), accountId, data, expiresAt: new Date(until) };
  }

  return {
    set(id: string, session: Session, done: (error?: unknown) => void) {
      const row = rowOf(id, session);
      (session.stored ? updateSession(knex, row) : insertSession(knex, row)).then(() => done(), done);
    },
    get(id: string, done: (error: unknown, session?: Session | null) => void) {
      findSession(knex, sha256(id)).then(
        (row) => done(null, row && ({ ...row.data, stored: true } as unknown as Session)),
        done,
      );
    },
    destroy(id: string, done: (error?: unknown) => void) {
      deleteSession(knex, sha256(id)).then(() => done(), done);
    },
  };
}

/** With an id of its own: whoever knew the one of before the log-in knows nothing (session fixation). */
export async function beginSession(request: FastifyRequest, { id }: Pick<AccountRow, 'id'>): Promise<void> {
  await renew(request);
  const now = Date.now();
  request.session.accountId = id;
  request.session.startedAt = now;
  request.session.usedAt = now;
}

/** For an hour, whatever is done in it (ANONYMOUS_MS); the study that was launched before is not to be seen any more. */
export async function beginLaunch(request: FastifyRequest, launched: Launched): Promise<void> {
  await renew(request);
  request.session.launched = launched;
}

async function renew(request: FastifyRequest): Promise<void> {
  const before = request.session.sessionId;
  await request.session.regenerate();
  await new Promise<void>((done, failed) =>
    request.sessionStore.destroy(before, (error?: Error) => (error ? failed(error) : done())),
  );
}

/** Here, in the database and in the browser. */
export async function endSession(request: FastifyRequest): Promise<void> {
  await request.session.destroy();
}
