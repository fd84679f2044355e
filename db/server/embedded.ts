import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { CalcidiscError } from '../../agent/domain/errors.js';
import type { Logger } from '../../config/log.js';
import { EMBEDDED_DATABASE, embeddedUrl, folderProblem } from './embeddedFolder.js';
import * as server from './embeddedServer.js';

/**
 * One PostgreSQL server for all processes that share a data folder. The first to need it starts it, detached; the
 * others, and whoever comes after a kill -9, find it through its own postmaster.pid. Each holds a shared advisory
 * lock for as long as it lives; the one that can get that lock alone when it leaves is the last, and stops the
 * server. A newcomer waits for that lock, loses its connection with the server, and starts it again.
 */
const USERS_LOCK = [1_128_354_883, -2] as const;

const DEADLINE_MS = 120_000;
const POLL_MS = 50;

export interface EmbeddedServer {
  readonly url: string;
  close(): Promise<void>;
}

export interface EmbeddedOptions {
  readonly dataDir: string;
  /** For tests: nothing is synced to disk, at the first start or later. */
  readonly throwaway?: boolean;
}

interface Held {
  readonly client: pg.Client;
  readonly port: number;
}

/** @throws CalcidiscError DATABASE_UNAVAILABLE saying what the server said */
export async function openEmbedded(options: EmbeddedOptions, log: Logger): Promise<EmbeddedServer> {
  const place = { folder: resolve(join(options.dataDir, 'postgres')) };
  const begun = performance.now();
  await server.initialise(place, options.throwaway).catch(unavailable);
  const problem = folderProblem(place.folder);
  if (problem) unavailable(new Error(problem));
  const password = await server.readPassword(place).catch(unavailable);
  let held = await hold(place, password, log);
  let closing = false;
  let restarting: Promise<void> | undefined;
  log.info(
    { port: held.port, milliseconds: Math.round(performance.now() - begun) },
    'embedded PostgreSQL is up',
  );
  watch();

  /** The server died under us (out of memory, a person's kill): start it again, on the same port. */
  function watch(): void {
    held.client.once('end', () => {
      if (!closing) restarting = restart();
    });
  }

  async function restart(): Promise<void> {
    log.warn('embedded PostgreSQL is gone: starting it again');
    const before = held.port;
    try {
      held = await hold(place, password, log);
    } catch (error) {
      log.error({ err: error }, 'embedded PostgreSQL cannot be started again');
      return;
    }
    if (held.port !== before) log.error('embedded PostgreSQL has another port now: restart this process');
    watch();
  }

  return {
    url: embeddedUrl(password, held.port, EMBEDDED_DATABASE),
    async close() {
      if (closing) return;
      closing = true;
      // Else the server that is on its way up would outlive its last user.
      await restarting;
      await leave(held.client, place, log);
    },
  };
}

/** Finds or starts the server, and counts this process among its users. */
async function hold(place: server.ServerFolder, password: string, log: Logger): Promise<Held> {
  const deadline = Date.now() + DEADLINE_MS;
  for (let failure: unknown; ; await sleep(POLL_MS)) {
    const postmaster = await server.readPostmaster(place);
    const client = postmaster && (await tryHold(embeddedUrl(password, postmaster.port, 'postgres'), log));
    if (client) return { client, port: postmaster.port };
    if (Date.now() > deadline) throw failure ?? unavailable(new Error(`${place.folder} does not answer`));
    // It is starting, recovering or stopping: wait.
    if (postmaster && (await server.isPostgres(postmaster.pid))) continue;
    if (postmaster) await server.removeStalePostmaster(place);
    try {
      await server.start(place);
    } catch (error) {
      // Another process may have started it first; then the next turn finds it.
      const other = await server.readPostmaster(place);
      if (!other && failure) unavailable(error);
      failure = error;
    }
  }
}

async function tryHold(url: string, log: Logger): Promise<pg.Client | null> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'calcidisc holder',
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', (error) => log.debug({ err: error }, 'holder connection'));
  try {
    await client.connect();
    await client.query('SELECT pg_advisory_lock_shared($1::integer, $2::integer)', [...USERS_LOCK]);
    await createDatabase(client);
    return client;
  } catch (error) {
    log.debug({ err: error }, 'embedded PostgreSQL does not answer yet');
    await client.end().catch(() => undefined);
    return null;
  }
}

async function createDatabase(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [EMBEDDED_DATABASE]);
  if (rowCount) return;
  await client.query(`CREATE DATABASE ${EMBEDDED_DATABASE}`).catch((error: { code?: string }) => {
    // duplicate_database, or its unique index: another process was first.
    if (error.code !== '42P04' && error.code !== '23505') throw error;
  });
}

async function leave(client: pg.Client, place: server.ServerFolder, log: Logger): Promise<void> {
  try {
    await client.query('SELECT pg_advisory_unlock_shared($1::integer, $2::integer)', [...USERS_LOCK]);
    const { rows } = await client.query('SELECT pg_try_advisory_lock($1::integer, $2::integer) AS last', [
      ...USERS_LOCK,
    ]);
    if (rows[0].last) await server.stop(place);
  } catch (error) {
    log.warn({ err: error }, 'embedded PostgreSQL could not be left cleanly');
  }
  await client.end().catch(() => undefined);
}

function unavailable(cause: unknown): never {
  if (cause instanceof CalcidiscError) throw cause;
  throw new CalcidiscError('DATABASE_UNAVAILABLE', (cause as Error).message, {}, { cause });
}
