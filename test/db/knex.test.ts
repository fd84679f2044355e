import assert from 'node:assert/strict';
import fc from 'fast-check';
import { camelCase, json, snakeCase } from '../../db/server/knex.js';
import { useDatabase } from '../support/database.js';

describe('rows in TypeScript', () => {
  const db = useDatabase();

  it('names go to the database and come back the same', () => {
    const name = fc.stringMatching(/^[a-z]{1,8}([A-Z][a-z0-9]{1,8}){0,4}$/);
    fc.assert(fc.property(name, (camel) => camelCase(snakeCase(camel)) === camel));
  });

  it('columns with a digit keep their name', async () => {
    const row = await db.database.knex('ctMeasurement').columnInfo();
    assert.ok('area_mm2' in row || 'areaMm2' in row);
    assert.equal(snakeCase('areaMm2'), 'area_mm2');
    assert.equal(snakeCase('datasetSha256'), 'dataset_sha256');
  });

  it('a date is the day that was written, whatever the time zone', async () => {
    const { rows } = await db.database.knex.raw(`SELECT '20240331'::date AS the_day`);
    assert.deepEqual(rows, [{ theDay: '2024-03-31' }]);
  });

  it('a size beyond 32 bits is a number', async () => {
    const { rows } = await db.database.knex.raw('SELECT 5000000000::bigint AS size_bytes');
    assert.deepEqual(rows, [{ sizeBytes: 5_000_000_000 }]);
  });

  it('keys inside a jsonb value are left as they are, and an array stays one', async () => {
    const value = [{ SeriesDescription: 'T2 sag', snake_case: 1 }];
    const { rows } = await db.database.knex.raw('SELECT ?::jsonb AS the_value', [json(value)]);
    assert.deepEqual(rows, [{ theValue: value }]);
  });

  it('the server notices within half a minute that a host has gone without a word', async () => {
    const settings = await db.database
      .knex('pgSettings')
      .whereIn('name', [
        'tcp_keepalives_idle',
        'tcp_keepalives_interval',
        'tcp_keepalives_count',
        'tcp_user_timeout',
      ])
      .pluck('setting');
    assert.deepEqual(
      settings.map(Number).sort((a, b) => a - b),
      [3, 5, 5, 20_000],
    );
  });
});
