import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lookAtConditions } from '../../agent/expose/conditions.js';
import { parseConfig } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { type Database, openDatabase } from '../../db/server/database.js';
import { migrationState } from '../../db/server/migrate.js';
import { appendAudit, listAudit, verifyAudit } from '../../db/tables/audit.js';
import { findModel, listModels } from '../../db/tables/models.js';
import { readCaseView } from '../../db/views/caseView.js';
import { openQueues } from '../../db/work/queue.js';
import { modelFoldersOf } from '../../models/catalogue/modelFiles.js';
import { registerHostModels } from '../../models/catalogue/registry.js';
import { startWorker } from '../../worker/main.js';
import { quietLog } from '../support/database.js';
import { type OlderSchema, olderDatabase } from '../support/olderDatabase.js';

describe('databases that older versions wrote', () => {
  let dataDir: string;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'calcidisc-upgrade-'));
  });
  after(() => rm(dataDir, { recursive: true, force: true }));

  const configOf = (url: string): Config => parseConfig({ dataDir, database: { url } });
  const upgraded = async (
    schema: OlderSchema,
    use: (database: Database, config: Config) => Promise<void>,
  ) => {
    const config = configOf(await olderDatabase(schema));
    const database = await openDatabase(config, quietLog);
    try {
      await use(database, config);
    } finally {
      await database.close();
    }
  };
  const onlyCase = async ({ knex }: Database): Promise<string> => (await knex('case').first('id')).id;

  for (const schema of ['0003', '0004'] as const)
    it(`schema ${schema} comes up to date, its trail whole and its case readable`, () =>
      upgraded(schema, async (database) => {
        assert.deepEqual((await migrationState(database.knex)).pending, []);
        assert.equal((await verifyAudit(database.knex)).ok, true);
        const view = await readCaseView(database.knex, await onlyCase(database));
        assert.deepEqual([view!.study.patientId, view!.regions.length], ['OLD-1', 5]);
      }));

  it('a case that waited for a classifier is classified by the one that is shipped now', () =>
    upgraded('0003', async (database, config) => {
      const queues = await openQueues(config, database, quietLog);
      const worker = await startWorker({ config, database, queues, log: quietLog });
      const id = await onlyCase(database);
      try {
        for (let look = 0; look < 400; look++) {
          if ((await database.knex('case').where({ id }).first('state')).state === 'classified') break;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        assert.equal((await readCaseView(database.knex, id))!.inferences.length, 5);
      } finally {
        await worker.close();
        await queues.close();
      }
    }));

  it('a default that nobody chose moves to its successor, on the trail; what it said before stays', () =>
    upgraded('0004', async (database, config) => {
      const { knex } = database;
      await registerHostModels(knex, modelFoldersOf(config), quietLog);
      const active = (await listModels(knex, { kind: 'classifier' })).find(
        ({ state }) => state === 'active',
      )!;
      assert.equal(active.name, 'resnet34');
      assert.notEqual(active.version, '1');
      const [event] = await listAudit(knex, 'model', active.id, 1);
      assert.equal(event!.event, 'MODEL_ACTIVATED');
      assert.match(String(event!.detail.reason), /successor of resnet34@1, which nobody had chosen/);
      const view = await readCaseView(knex, await onlyCase(database));
      assert.deepEqual([...new Set(view!.inferences.map((each) => each.modelVersion))], ['1']);
    }));

  it('one that a person chose and that is gone stays, and is said with the command that mends it', () =>
    upgraded('0004', async (database, config) => {
      const { knex } = database;
      const { id } = (await findModel(knex, 'resnet34', '1'))!;
      const chosen = { event: 'MODEL_ACTIVATED', subjectType: 'model', subjectId: id } as const;
      await appendAudit(knex, { ...chosen, actor: 'user:anna', detail: { from: 'registered' } });
      const queues = await openQueues(config, database, quietLog);
      const worker = await startWorker({ config, database, queues, log: quietLog });
      try {
        assert.equal((await findModel(knex, 'resnet34', '1'))!.state, 'active');
        const conditions = await lookAtConditions({
          config,
          database,
          queues,
          worker: () => worker.trouble(),
        });
        const { ok, reason } = conditions.find(({ what }) => what === 'classifier')!;
        assert.equal(ok, false);
        assert.match(
          reason!,
          /resnet34@1 is active.*not on this host.*calcidisc model activate resnet34@\d+/,
        );
      } finally {
        await worker.close();
        await queues.close();
      }
    }));

  it('an older program on newer data says so, and changes nothing', async () => {
    const url = await olderDatabase('0004');
    const database = await openDatabase(configOf(url), quietLog, { schema: 'any' });
    await database
      .knex('schema_migration')
      .insert({ name: '9999_tomorrow', batch: 9, migration_time: new Date() });
    await database.close();
    const newer = { code: 'DATABASE_OTHER_VERSION', message: /newer than this version.*9999_tomorrow/ };
    for (const schema of ['upgrade', 'current'] as const)
      await assert.rejects(openDatabase(configOf(url), quietLog, { schema }), newer);
    const again = await openDatabase(configOf(url), quietLog, { schema: 'any' });
    assert.ok((await migrationState(again.knex)).pending.length > 0);
    await again.close();
  });

  it('a command that only looks leaves an older schema as it is, and says what to do', async () => {
    const config = configOf(await olderDatabase('0003'));
    await assert.rejects(openDatabase(config, quietLog, { schema: 'current' }), {
      code: 'DATABASE_OTHER_VERSION',
      message: /older than this version.*calcidisc migrate/,
    });
  });
});
