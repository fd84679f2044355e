import assert from 'node:assert/strict';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listAudit } from '../../db/tables/audit.js';
import type { CaseRow } from '../../db/tables/cases.js';
import { listInferences } from '../../db/tables/inferences.js';
import { openQueues, type Queues } from '../../db/work/queue.js';
import { commandModel } from '../../models/catalogue/registry.js';
import { type Engine, openEngine } from '../../worker/engine.js';
import { type RunningWorker, startWorker } from '../../worker/main.js';
import { rebuildBatches, replayCase } from '../../worker/replay.js';
import { quietLog, useDatabase } from '../support/database.js';
import { insertLocatedCase, regionsOf, settled } from './locatedCases.js';
import { activateTiny, copyModel, temporaryModels } from './models.js';
import { fixtureModels, greyRegion, pngOf } from './regions.js';

const settings = { provider: 'cpu', batchSize: 8, batchWaitMs: 100, threads: 1 } as const;

describe('replaying a case', () => {
  const test = useDatabase({ worker: settings });
  let queues: Queues;
  let worker: RunningWorker;
  let engine: Engine;
  let models: { folder: string; remove(): Promise<void> };
  let cases: CaseRow[];

  before(async () => {
    const { config, database } = test;
    models = await temporaryModels(fixtureModels);
    engine = openEngine(settings, quietLog);
    await activateTiny(database, [models.folder]);
    queues = await openQueues(config, database, quietLog);
    worker = await startWorker({ config, database, queues, log: quietLog, folders: [models.folder] });
    cases = [];
    // Four cases of five in batches of eight: most of them are spread over two batches and stand at odd places.
    for (let n = 0; n < 4; n++) {
      const pngs = await Promise.all([0, 1, 2, 3, 4].map((i) => pngOf(greyRegion(5 * n + i))));
      cases.push(await insertLocatedCase(database, regionsOf(pngs)));
    }
    await Promise.all(cases.map(({ id, revision, state }) => queues.wake({ id, revision, state })));
    for (const { id } of cases) await settled(database, id);
  });
  after(async () => {
    await worker.close();
    await queues.close();
    await engine.close();
    await models.remove();
  });

  const replay = (row: CaseRow) =>
    replayCase({ tx: test.database.knex, folders: [models.folder], engine: () => engine }, row);

  it('gives every probability again, bit for bit, from any place of any batch', async () => {
    for (const row of cases) {
      const { equal, regions } = await replay(row);
      assert.equal(regions.length, 5);
      assert.ok(equal, JSON.stringify(regions));
    }
  });

  it('discs that were held against one another are held again, and what does not come of it is found out', async () => {
    const { database } = test;
    const withinSpine = { weight: 0.5, scale: 1.2, shift: -0.1 };
    const row = await copyModel(database.knex, models.folder, 'tiny-classifier', '2', { withinSpine });
    const command = {
      reference: { name: 'tiny-classifier', version: '2' },
      to: 'active',
      actor: 'user:test',
    } as const;
    await commandModel(database.knex, [models.folder], command);
    const pngs = await Promise.all([0, 1, 2].map((i) => pngOf(greyRegion(40 + 9 * i))));
    const held = await insertLocatedCase(database, regionsOf(pngs));
    await queues.wake({ id: held.id, revision: held.revision, state: held.state });
    await settled(database, held.id);
    const stored = await listInferences(database.knex, held.id, 1);
    assert.ok(stored.every(({ modelId, alone, probability }) => modelId === row.id && alone !== probability));
    assert.ok((await replay(held)).equal);
    const { id, level, probability } = stored[1]!;
    await database
      .knex('inference')
      .where({ id })
      .update({ probability: probability * 0.99 });
    const wrong = (await replay(held)).regions.filter(({ equal }) => !equal);
    assert.deepEqual(
      wrong.map((region) => [region.level, region.reason?.slice(0, 12)]),
      [[level, 'held against']],
    );
    await commandModel(database.knex, [models.folder], {
      ...command,
      reference: { name: 'tiny-classifier', version: '1' },
    });
  });

  it('is written on the trail', async () => {
    await replay(cases[0]!);
    const [event] = await listAudit(test.database.knex, 'case', cases[0]!.id, 1);
    assert.deepEqual([event?.event, event?.detail.differing], ['CASE_REPLAYED', 0]);
  });

  it('finds out a probability that was changed by the last bit', async () => {
    const { knex } = test.database;
    const [one] = await listInferences(knex, cases[1]!.id, 1);
    const bits = new Uint32Array(Float32Array.of(one!.probability).buffer);
    bits[0]! += 1;
    await knex('inference')
      .where({ id: one!.id })
      .update({ probability: new Float32Array(bits.buffer)[0] });
    const { equal, regions } = await replay(cases[1]!);
    assert.equal(equal, false);
    assert.deepEqual(
      regions
        .filter((region) => !region.equal)
        .map(({ level, reason }) => [level, /probability differs/.test(reason!)]),
      [[one!.level, true]],
    );
  });

  it('says so when a stored region was exchanged, and compares the others', async () => {
    const { knex } = test.database;
    await knex('discRegion')
      .where({ caseId: cases[2]!.id, level: 'L4-L5' })
      .update({ png: await pngOf(greyRegion(77)) });
    const { regions } = await replay(cases[2]!);
    const wrong = regions.filter((region) => !region.equal);
    assert.deepEqual(
      wrong.map(({ level, replayed }) => [level, replayed]),
      [['L4-L5', null]],
    );
    assert.match(wrong[0]!.reason!, /SHA-256/);
  });

  it('says so when the model file is not the recorded one', async () => {
    await appendFile(join(models.folder, 'tiny-classifier', '1', 'model.onnx'), 'x');
    const fresh = openEngine(settings, quietLog);
    const tools = { tx: test.database.knex, folders: [models.folder], engine: () => fresh };
    const { equal, regions } = await replayCase(tools, cases[3]!);
    await fresh.close();
    assert.equal(equal, false);
    assert.match(regions[0]!.reason!, /SHA-256 .* registered is/);
  });

  it('puts inferences of one place, model, size or provider too many into a batch of their own', () => {
    const place = (batchPosition: number, batchSize = 8, modelId = 'a', provider = 'cpu') => ({
      batchPosition,
      batchSize,
      modelId,
      provider,
    });
    const batches = rebuildBatches([place(0), place(1), place(1), place(2, 5), place(3, 8, 'b'), place(4)]);
    assert.deepEqual(
      batches.map((batch) => batch.map(({ batchPosition }) => batchPosition)),
      [[0, 1, 4], [1], [2], [3]],
    );
  });
});
