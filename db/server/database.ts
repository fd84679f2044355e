import type { Knex } from 'knex';
import { CalcidiscError } from '../../agent/domain/errors.js';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import { type EmbeddedServer, openEmbedded } from './embedded.js';
import { createKnex } from './knex.js';
import { migrate } from './migrate.js';
import { announcePresence, type Presence } from './presence.js';

export type { Tx } from './knex.js';

export interface Database {
  /** Rows come and go with camelCase keys; `knex.transaction(async (trx) => ...)` begins a transaction. */
  readonly knex: Knex;
  /** With its password: for the queue, never for a log. */
  readonly url: string;
  close(): Promise<void>;
}

export type DatabaseConfig = Pick<Config, 'dataDir' | 'database'>;

/** For a caller that only looks: a CLI command that must find the schema as it is. */
export interface OpenOptions {
  readonly migrate?: boolean;
}

const OLDEST_SERVER = 140_000;

/**
 * The one way in: the server of DATABASE_URL, or the embedded one, with the schema brought up to date.
 * @throws CalcidiscError DATABASE_UNAVAILABLE when there is no server to talk to
 */
export async function openDatabase(
  config: DatabaseConfig,
  log: Logger,
  options: OpenOptions = {},
): Promise<Database> {
  const embedded = config.database.url ? null : await openEmbedded({ dataDir: config.dataDir }, log);
  const url = config.database.url ?? embedded!.url;
  const knex = createKnex(url, config.database.poolSize);
  let presence: Presence | undefined;
  try {
    await checkServer(knex, url);
    presence = await announcePresence(url, log);
    if (options.migrate !== false) {
      const names = await migrate(knex);
      if (names.length > 0) log.info({ migrations: names }, 'schema brought up to date');
    }
  } catch (error) {
    await closeAll(knex, presence, embedded);
    throw error;
  }
  let closed: Promise<void> | undefined;
  return {
    knex,
    url,
    close: () => {
      closed ??= closeAll(knex, presence, embedded);
      return closed;
    },
  };
}

async function closeAll(knex: Knex, presence: Presence | undefined, embedded: EmbeddedServer | null) {
  await knex.destroy();
  await presence?.close();
  await embedded?.close();
}

async function checkServer(knex: Knex, url: string): Promise<void> {
  let version: number;
  try {
    const { rows } = await knex.raw("SELECT current_setting('server_version_num')::integer AS version");
    version = rows[0].version;
  } catch (cause) {
    throw new CalcidiscError(
      'DATABASE_UNAVAILABLE',
      `cannot reach PostgreSQL at ${withoutPassword(url)}: ${(cause as Error).message}. Check DATABASE_URL`,
      {},
      { cause },
    );
  }
  if (version >= OLDEST_SERVER) return;
  const major = Math.floor(version / 10_000);
  throw new CalcidiscError(
    'DATABASE_UNAVAILABLE',
    `PostgreSQL ${major} is too old: Calcidisc needs 14 or newer`,
  );
}

function withoutPassword(url: string): string {
  try {
    const { hostname, port, pathname } = new URL(url);
    return `${hostname}:${port || 5432}${pathname}`;
  } catch {
    return 'the address given (it is not a URL)';
  }
}
