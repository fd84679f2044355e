import type { FastifyRequest } from 'fastify';
import type { Config } from '../../../config/schema.js';
import { accessOf } from '../../../config/values.js';
import type { Database } from '../../../db/server/database.js';
import { type AccountRow, findAccount, findAccountByName, hasAccounts } from '../../../db/tables/accounts.js';
import { useApiToken } from '../../../db/tables/apiTokens.js';
import type { Launched } from '../../access/launches.js';
import { accountName } from '../../access/passwords.js';
import type { Principal } from '../../access/principal.js';
import { sha256 } from '../../domain/hash.js';

export interface IdentifyParts {
  readonly config: {
    readonly http: Pick<
      Config['http'],
      'access' | 'host' | 'trustedProxies' | 'session' | 'userHeader' | 'userRole'
    >;
  };
  readonly database: Pick<Database, 'knex'>;
}

export type Identify = (request: FastifyRequest) => Promise<Principal | null>;

const MOST_BETWEEN_USES_MS = 60_000;

/** Who asks: a token, else a session, else a trusted proxy's word, else whoever sits at this machine. */
export function openIdentify(parts: IdentifyParts): Identify {
  const isOpen = openMachine(parts);
  return async (request) => {
    const token = bearerOf(request);
    // A program that shows a token is that program, or nobody.
    if (token !== null) return byToken(parts, token);
    return (
      (await bySession(parts, request)) ??
      (await byProxy(parts, request)) ??
      ((await isOpen(request)) ? atThisMachine(request) : null)
    );
  };
}

/** RFC 6750 2.1 */
function bearerOf({ headers: { authorization } }: FastifyRequest): string | null {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? null;
}

async function byToken({ database }: IdentifyParts, token: string): Promise<Principal | null> {
  const row = await useApiToken(database.knex, sha256(token));
  return row && { by: 'token', name: row.name, role: row.role, actor: `token:${row.name}` };
}

async function bySession(
  { config, database }: IdentifyParts,
  request: FastifyRequest,
): Promise<Principal | null> {
  const { session } = request;
  if (!session.accountId) return session.launched ? byLaunch(session.launched) : null;
  const account = await findAccount(database.knex, session.accountId);
  if (!account || account.disabledAt) {
    // Nobody's any more: the log-in must not send them back here.
    delete session.accountId;
    return null;
  }
  const { idleMs } = config.http.session;
  const now = Date.now();
  // A page that looks for news by itself is not its owner at work.
  const isWork = request.headers['x-calcidisc-refresh'] === undefined;
  if (isWork && now - (session.usedAt ?? 0) > Math.min(MOST_BETWEEN_USES_MS, idleMs / 10))
    session.usedAt = now;
  return principalOf(account, 'account');
}

function byLaunch({ studyInstanceUid, name, actor }: Launched): Principal {
  return { by: 'launch', name, role: 'viewer', actor, onlyStudy: studyInstanceUid };
}

export function principalOf({ id, name, role }: AccountRow, by: 'account' | 'proxy'): Principal {
  return { by, name, role, actor: `user:${name}`, accountId: id };
}

/**
 * Whoever a proxy that is believed has logged in. `ips` has more than one only where the peer is such a proxy and has
 * named its client.
 */
async function byProxy(
  { config, database }: IdentifyParts,
  request: FastifyRequest,
): Promise<Principal | null> {
  const { userHeader, userRole } = config.http;
  if (!userHeader || (request.ips?.length ?? 0) < 2) return null;
  const given = request.headers[userHeader.toLowerCase()];
  const name = accountName((Array.isArray(given) ? given[0] : given) ?? '').slice(0, 64);
  if (!name) return null;
  const account = await findAccountByName(database.knex, name);
  if (account) return account.disabledAt ? null : principalOf(account, 'proxy');
  return userRole ? { by: 'proxy', name, role: userRole, actor: `user:${name}` } : null;
}

const LOOPBACK_ADDRESS = /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/;
const LOOPBACK_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;

/** http.access "loopback-open", until the first account: then this machine asks, too. */
function openMachine({ config, database }: IdentifyParts): (request: FastifyRequest) => Promise<boolean> {
  let hasOwner = false;
  return async (request) => {
    if (accessOf(config.http) !== 'loopback-open' || hasOwner || !isOfThisMachine(request)) return false;
    hasOwner = await hasAccounts(database.knex);
    return !hasOwner;
  };
}

/** Not what a proxy passes on, nor another site's page whose name was made to lead here (DNS rebinding). */
function isOfThisMachine({ raw, headers }: FastifyRequest): boolean {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false;
  return LOOPBACK_ADDRESS.test(raw.socket.remoteAddress ?? '') && LOOPBACK_HOST.test(headers.host ?? '');
}

function atThisMachine({ ip }: FastifyRequest): Principal {
  return { by: 'open', name: ip, role: 'viewer', actor: `http:${ip}` };
}
