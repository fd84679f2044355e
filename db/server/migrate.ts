import type { Knex } from 'knex';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { version } from '../../config/version.js';
import { migrations } from '../../migrations/index.js';

/** Session advisory lock: processes that start together migrate one after another. */
const MIGRATION_LOCK = [1_128_354_883, -1] as const;

export interface MigrationState {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  /** Applied, and not of this program: a newer one wrote them. */
  readonly unknown: readonly string[];
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

/** @throws CalcidiscError DATABASE_OTHER_VERSION when a newer program has been here */
export async function refuseNewer(knex: Knex): Promise<void> {
  const { unknown } = await migrationState(knex);
  if (unknown.length === 0) return;
  throw new CalcidiscError(
    'DATABASE_OTHER_VERSION',
    `the database is newer than this version of Calcidisc (${version}): it has ${unknown.join(', ')}. ` +
      'Install the version that wrote it, or restore a backup of before',
  );
}

/** Brings an empty schema to where it was when exactly these had run: for a restore. */
export async function migrateTo(knex: Knex, names: readonly string[]): Promise<void> {
  const known = migrations.map(({ name }) => name as string);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new CalcidiscError(
      'DATABASE_OTHER_VERSION',
      `the backup is newer than this version of Calcidisc (${version}): it has ${unknown.join(', ')}`,
    );
  const wanted = migrations.filter(({ name }) => names.includes(name));
  await knex.migrate.latest({
    ...options,
    migrationSource: { ...source, getMigrations: async () => [...wanted] },
  });
}

export async function migrationState(knex: Knex): Promise<MigrationState> {
  const known = migrations.map(({ name }) => name as string);
  const { rows } = await knex.raw("SELECT to_regclass('schema_migration') IS NOT NULL AS exists");
  const applied: string[] = rows[0].exists ? await knex('schema_migration').orderBy('id').pluck('name') : [];
  return {
    applied,
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  };
}

const options = {
  migrationSource: source,
  tableName: 'schema_migration',
  disableMigrationsListValidation: false,
} satisfies Knex.MigratorConfig;
