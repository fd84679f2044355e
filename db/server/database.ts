import { setTimeout as sleep } from 'node:timers/promises';
import type { Knex } from 'knex';
import { CalcidiscError } from '../../agent/domain/errors.js';
import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import { version } from '../../config/version.js';
import { type EmbeddedServer, openEmbedded } from './embedded.js';
import { createKnex } from './knex.js';
import { migrate, migrationState, refuseNewer } from './migrate.js';
import { announcePresence, type Presence } from './presence.js';

export type { Tx } from './knex.js';

export interface Database {
  /** Rows come and go with camelCase keys; `knex.transaction(async (trx) => ...)` begins a transaction. */
  readonly knex: Knex;
  /** With its password: for the queue, never for a log. */
  readonly url: string;
  /**
   * Holds something that only one process of this database may have at a time, until this one ends.
   * @returns false when another process still has it after `patienceMs`
   */
  claim(id: number, patienceMs?: number): Promise<boolean>;
  close(): Promise<void>;
}

export type DatabaseConfig = Pick<Config, 'dataDir' | 'database'>;

/**
 * What the caller does with a schema of another version. 'upgrade': brings it up to date; 'current': a command that
 * looks refuses it; 'any': whoever only wants to know which it is. A newer one is refused by all but 'any'.
 */
export type SchemaWanted = 'upgrade' | 'current' | 'any';

export interface OpenOptions {
  readonly schema?: SchemaWanted;
}

const OLDEST_SERVER = 140_000;

/**
 * The one way in: the server of DATABASE_URL, or the embedded one, with the schema brought up to date.
 * @throws CalcidiscError DATABASE_UNAVAILABLE when there is no server to talk to, DATABASE_OTHER_VERSION
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
    await settleSchema(knex, options.schema ?? 'upgrade', log);
  } catch (error) {
    await closeAll(knex, presence, embedded);
    throw error;
  }
  let closed: Promise<void> | undefined;
  return {
    knex,
    url,
    claim: (id, patienceMs = 0) => claimWithin(presence!, id, patienceMs),
    close: () => {
      closed ??= closeAll(knex, presence, embedded);
      return closed;
    },
  };
}

async function settleSchema(knex: Knex, wanted: SchemaWanted, log: Logger): Promise<void> {
  if (wanted === 'any') return;
  await refuseNewer(knex);
  const { pending } = await migrationState(knex);
  if (pending.length === 0) return;
  if (wanted === 'current')
    throw new CalcidiscError(
      'DATABASE_OTHER_VERSION',
      `the database is older than this version of Calcidisc (${version}): ${pending.join(', ')} to come. ` +
        'Start the service, or run `calcidisc migrate`',
    );
  const names = await migrate(knex);
  if (names.length > 0) log.info({ migrations: names }, 'schema brought up to date');
}

const CLAIM_POLL_MS = 200;

/** The server may take a while to notice that a host went away without a word. */
async function claimWithin(presence: Presence, id: number, patienceMs: number): Promise<boolean> {
  for (const deadline = Date.now() + patienceMs; ; await sleep(CLAIM_POLL_MS)) {
    if (await presence.claim(id)) return true;
    if (Date.now() >= deadline) return false;
  }
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
