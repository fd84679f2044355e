import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../config/load.js';
import { createLogger } from '../../config/log.js';
import type { Config, ConfigInput } from '../../config/schema.js';
import { type Database, openDatabase } from '../../db/server/database.js';
import { openEmbedded } from '../../db/server/embedded.js';
import { createKnex } from '../../db/server/knex.js';
import { openQueues } from '../../db/work/queue.js';

/** Real PostgreSQL: one server for the run (TEST_DATABASE_URL's, else an embedded one), a database for each file. */
interface TestServer {
  readonly url: string;
  readonly template: string;
  close(): Promise<void>;
}

export const quietLog = createLogger({ log: { level: 'silent' } });

/** A test that says nothing of access looks at the page as whoever sits at the machine; test/access holds the rest. */
export const OPEN_PAGE = { access: 'loopback-open' } as const;

let server: Promise<TestServer> | undefined;
const emptyDatabases: string[] = [];

export interface TestDatabase {
  /** Its database.url names this database, its dataDir is a temporary folder of its own. */
  readonly config: Config;
  readonly database: Database;
  close(): Promise<void>;
}

/** A migrated database of one's own. Close it. */
export async function createTestDatabase(input: ConfigInput = {}): Promise<TestDatabase> {
  const { url, template } = await sharedServer();
  const name = databaseName();
  await onServer(url, `CREATE DATABASE "${name}" TEMPLATE "${template}"`);
  const dataDir = await mkdtemp(join(tmpdir(), 'calcidisc-test-'));
  const config = parseConfig({
    dataDir,
    ...input,
    http: { ...OPEN_PAGE, ...input.http },
    database: { ...input.database, url: named(url, name) },
  });
  const database = await openDatabase(config, quietLog);
  return {
    config,
    database,
    async close() {
      await database.close();
      await onServer(url, `DROP DATABASE "${name}" WITH (FORCE)`);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** An empty database, not migrated: its URL, gone with the run. */
export async function createEmptyDatabase(): Promise<string> {
  const { url } = await sharedServer();
  const name = databaseName();
  await onServer(url, `CREATE DATABASE "${name}"`);
  emptyDatabases.push(name);
  return named(url, name);
}

/** In a `describe`: one database for its tests, there from `before` to `after`. */
export function useDatabase(input: ConfigInput = {}): Pick<TestDatabase, 'config' | 'database'> {
  let current: TestDatabase | undefined;
  before(async () => {
    current = await createTestDatabase(input);
  });
  after(async () => {
    await current?.close();
  });
  return {
    get config() {
      return current!.config;
    },
    get database() {
      return current!.database;
    },
  };
}

function sharedServer(): Promise<TestServer> {
  server ??= startServer();
  return server;
}

async function startServer(): Promise<TestServer> {
  const given = process.env.TEST_DATABASE_URL;
  const { url, close } = given ? { url: given, close: async () => undefined } : await startEmbedded();
  const template = databaseName();
  await onServer(url, `CREATE DATABASE "${template}"`);
  await migrateTemplate(named(url, template));
  return {
    url,
    template,
    async close() {
      for (const name of [template, ...emptyDatabases])
        await onServer(url, `DROP DATABASE "${name}" WITH (FORCE)`);
      await close();
    },
  };
}

/** The schema and the queue's tables, once for all. */
async function migrateTemplate(url: string): Promise<void> {
  const config = parseConfig({ database: { url } });
  const database = await openDatabase(config, quietLog);
  await (await openQueues(config, database, quietLog)).close();
  await database.close();
}

async function startEmbedded() {
  const dataDir = await mkdtemp(join(tmpdir(), 'calcidisc-test-server-'));
  const embedded = await openEmbedded({ dataDir, throwaway: true }, quietLog);
  const pid = Number((await readFile(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8')).split('\n')[0]);
  // A run that is broken off has no `after`: then the server must not outlive it.
  const abandon = () => {
    try {
      process.kill(pid, 'SIGQUIT');
    } catch {}
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', abandon);
  return {
    url: embedded.url,
    async close() {
      process.off('exit', abandon);
      await embedded.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function onServer(url: string, sql: string): Promise<void> {
  const knex = createKnex(url, 1);
  try {
    await knex.raw(sql);
  } finally {
    await knex.destroy();
  }
}

function databaseName(): string {
  return `calcidisc_test_${randomBytes(6).toString('hex')}`;
}

function named(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

// At the root of the run, once, whichever files use a database. Child processes of a test have no mocha.
if (typeof after === 'function')
  after(async () => {
    await (await server)?.close();
  });
