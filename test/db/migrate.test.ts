import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { parseConfig } from '../../config/load.js';
import { projectRoot } from '../../config/root.js';
import { openDatabase } from '../../db/server/database.js';
import { migrationState } from '../../db/server/migrate.js';
import { migrations } from '../../migrations/index.js';
import { createEmptyDatabase, quietLog } from '../support/database.js';

const open = (url: string) => openDatabase(parseConfig({ database: { url } }), quietLog);

describe('migrations', () => {
  it('the list names every file in the folder, in order', () => {
    const files = readdirSync(join(projectRoot, 'migrations')).filter((file) => /^\d{4}_\w+\.ts$/.test(file));
    assert.deepEqual(
      migrations.map(({ name }) => `${name}.ts`),
      files.sort(),
    );
  });

  it('run once when six processes start at the same moment', async () => {
    const url = await createEmptyDatabase();
    const databases = await Promise.all(Array.from({ length: 6 }, () => open(url)));
    const { rows } = await databases[0]!.knex.raw(
      'SELECT name, count(*)::integer AS count FROM schema_migration GROUP BY name',
    );
    assert.deepEqual(
      rows.map(({ name }: { name: string }) => name).sort(),
      migrations.map(({ name }) => name),
    );
    assert.ok(rows.every(({ count }: { count: number }) => count === 1));
    assert.deepEqual((await migrationState(databases[0]!.knex)).pending, []);
    await Promise.all(databases.map((database) => database.close()));
  });

  it('refuse to be undone', async () => {
    for (const migration of migrations) await assert.rejects(migration.down(), /forward only/);
  });

  it('refuse a database that a newer version has migrated', async () => {
    const url = await createEmptyDatabase();
    const database = await open(url);
    await database.knex('schema_migration').insert({ name: '9999_from_the_future', batch: 9 });
    await database.close();
    await assert.rejects(open(url), /9999_from_the_future/);
  });
});

describe('a database that is not there', () => {
  const refused = async (url: string, message: RegExp) =>
    assert.rejects(open(url), (error) => {
      assert.ok(error instanceof CalcidiscError);
      assert.equal(error.code, 'DATABASE_UNAVAILABLE');
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });

  it('is named with its host and port, and without its password', () =>
    refused(
      'postgresql://calcidisc:secret@127.0.0.1:1/calcidisc',
      /127\.0\.0\.1:1\/calcidisc.*ECONNREFUSED.*DATABASE_URL/,
    ));

  it('is told from one that has another name', async () => {
    const url = new URL(await createEmptyDatabase());
    url.pathname = '/no_such_database';
    await refused(url.href, /no_such_database/);
  });
});
