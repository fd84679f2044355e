import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { parseConfig } from '../../config/load.js';
import { openDatabase } from '../../db/server/database.js';
import { createKnex } from '../../db/server/knex.js';
import { verifyAudit } from '../../db/tables/audit.js';
import { createCase, listCases } from '../../db/tables/cases.js';
import { readCaseView } from '../../db/views/caseView.js';
import { migrations } from '../../migrations/index.js';
import { createEmptyDatabase, quietLog } from '../support/database.js';

/** As a database of the version before has it: a case for each series. */
async function olderDatabase(): Promise<string> {
  const url = await createEmptyDatabase();
  const knex = createKnex(url, 2);
  const before = migrations.slice(
    0,
    migrations.findIndex(({ name }) => name === '0008_study_case'),
  );
  await knex.migrate.latest({
    migrationSource: {
      getMigrations: async () => [...before],
      getMigrationName: ({ name }: (typeof before)[number]) => name,
      getMigration: async (migration: (typeof before)[number]) => migration,
    },
    tableName: 'schema_migration',
  });
  await knex('study').insert([{ studyInstanceUid: '1.1' }, { studyInstanceUid: '1.2' }]);
  const series = [
    ['1.1.1', '1.1'],
    ['1.1.2', '1.1'],
    ['1.1.3', '1.1'],
    ['1.2.1', '1.2'],
  ] as const;
  for (const [seriesInstanceUid, studyInstanceUid] of series)
    await knex('series').insert({
      seriesInstanceUid,
      studyInstanceUid,
      modality: 'MR',
      state: 'complete',
      role: 'mr',
    });
  await knex('instance').insert({
    sopInstanceUid: '1.1.1.1',
    seriesInstanceUid: '1.1.1',
    sopClassUid: '1.2',
    transferSyntaxUid: '1.2',
    spoolPath: 'a',
    sizeBytes: 1,
    datasetSha256: 'aa',
    callingAe: 'MR',
  });
  await knex.destroy();
  return url;
}

describe('a database in which one study has several cases', () => {
  const ids: Record<string, string> = {};
  let url: string;

  before(async () => {
    url = await olderDatabase();
    const knex = createKnex(url, 2);
    const insert = async (
      name: string,
      mrSeriesInstanceUid: string,
      study: string,
      state: string,
      at: string,
    ) => {
      ids[name] = randomUUID();
      await knex('case').insert({
        id: ids[name],
        mrSeriesInstanceUid,
        mrStudyInstanceUid: study,
        state,
        createdAt: at,
        owner: state === 'located' ? 77 : null,
      });
    };
    await insert('oldest', '1.1.1', '1.1', 'parked', '2024-01-01');
    await insert('reported', '1.1.2', '1.1', 'delivered', '2024-01-02');
    await insert('working', '1.1.3', '1.1', 'located', '2024-01-03');
    await insert('alone', '1.2.1', '1.2', 'paired', '2024-01-04');
    await knex('pairing').insert({ caseId: ids.alone, revision: 1, outcome: 'no-ct' });
    for (const [name, state] of [
      ['reported', 'stored'],
      ['working', 'parked'],
    ] as const) {
      const id = randomUUID();
      const uids = { sopInstanceUid: `9.${name}`, seriesInstanceUid: '9', sopClassUid: '1.2' };
      await knex('report').insert({
        id,
        caseId: ids[name],
        revision: 1,
        ...uids,
        file: 'x',
        fileSha256: 'x',
      });
      await knex('delivery').insert({ id: randomUUID(), reportId: id, destination: 'pacs', state });
    }
    await knex.destroy();
  });

  it('is joined: the case a PACS has a report of goes on, the others point to it with their reports', async () => {
    const database = await openDatabase(parseConfig({ database: { url } }), quietLog);
    try {
      const { knex } = database;
      assert.deepEqual(
        (await listCases(knex)).map(({ id }) => id),
        [ids.alone, ids.reported],
      );
      const joined = await knex('case').whereIn('id', [ids.oldest!, ids.working!]).orderBy('createdAt');
      for (const row of joined)
        assert.deepEqual([row.state, row.joinedInto, row.owner], ['closed', ids.reported, null]);
      const view = (await readCaseView(knex, ids.reported!))!;
      assert.deepEqual(
        view.joined.map((each) => [each.case.id, each.mrSeries.seriesInstanceUid, each.reports.length]),
        [
          [ids.oldest, '1.1.1', 0],
          [ids.working, '1.1.3', 1],
        ],
      );
      const again = await createCase(knex, { mrSeriesInstanceUid: '1.1.1', mrStudyInstanceUid: '1.1' });
      assert.deepEqual([again.created, again.case.id], [false, ids.reported]);
      const events = await knex('auditEvent').where({ event: 'CASE_JOINED' }).pluck('subject_id');
      assert.deepEqual(new Set(events), new Set([ids.oldest, ids.working]));
      assert.ok((await verifyAudit(knex)).ok);
    } finally {
      await database.close();
    }
  });

  it('what was between pairing and locating begins again, and series know what they consist of', async () => {
    const database = await openDatabase(parseConfig({ database: { url } }), quietLog);
    try {
      const { knex } = database;
      const [alone] = await knex('case').where({ id: ids.alone });
      assert.deepEqual([alone.state, alone.revision], ['received', 1]);
      assert.equal((await knex('pairing').where({ caseId: ids.alone })).length, 0);
      const [series] = await knex('series').where({ seriesInstanceUid: '1.1.1' });
      assert.match(series.contentSha256, /^[0-9a-f]{64}$/);
    } finally {
      await database.close();
    }
  });
});
