import type { Knex } from 'knex';
import { migrations } from '../../migrations/index.js';

/** Session advisory lock: processes that start together migrate one after another. */
const MIGRATION_LOCK = [1_128_354_883, -1] as const;

export interface MigrationState {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

type Migration = (typeof migrations)[number];

/** The compiled list instead of knex's folder scan: what is imported is what runs, bundled or not. */
const source: Knex.MigrationSource<Migration> = {
  getMigrations: async () => [...migrations],
  getMigrationName: ({ name }) => name,
  getMigration: async (migration) => migration,
};

/** Brings the schema up to this program's. @returns the names of the migrations that ran now */
export async function migrate(knex: Knex): Promise<readonly string[]> {
  // The lock needs a session of its own; knex's own lock table would stay locked after a kill -9.
  const lockSession = await knex.client.acquireConnection();
  try {
    await lockSession.query('SELECT pg_advisory_lock($1::integer, $2::integer)', [...MIGRATION_LOCK]);
    const [, names] = await knex.migrate.latest(options);
    return names;
  } finally {
    await lockSession.query('SELECT pg_advisory_unlock($1::integer, $2::integer)', [...MIGRATION_LOCK]);
    await knex.client.releaseConnection(lockSession);
  }
}

export async function migrationState(knex: Knex): Promise<MigrationState> {
  const [applied, pending] = await knex.migrate.list(options);
  return {
    applied: applied.map(({ name }: { name: string }) => name),
    pending: pending.map(({ name }: Migration) => name),
  };
}

const options = {
  migrationSource: source,
  tableName: 'schema_migration',
  disableMigrationsListValidation: false,
} satisfies Knex.MigratorConfig;
