import assert from 'node:assert/strict';
import { sha256 } from '../../agent/domain/hash.js';
import { LEVELS } from '../../agent/domain/levels.js';
import { REGION_PIXELS } from '../../agent/domain/regionPicture.js';
import { listAudit, verifyAudit } from '../../db/tables/audit.js';
import { findCase } from '../../db/tables/cases.js';
import { listInferences } from '../../db/tables/inferences.js';
import { changeModel } from '../../db/tables/models.js';
import { openQueues, type Queues } from '../../db/work/queue.js';
import { resolveModel } from '../../models/catalogue/registry.js';
import { decodeCam } from '../../worker/cam.js';
import { type RunningWorker, startWorker } from '../../worker/main.js';
import { quietLog, useDatabase } from '../support/database.js';
import { insertLocatedCase, regionsOf, settled } from './locatedCases.js';
import { activateTiny, copyModel, temporaryModels } from './models.js';
import { fixtureModels, greyRegion, pngOf } from './regions.js';

describe('the worker', () => {
  const test = useDatabase({
    queue: { sweepMs: 200 },
    worker: { provider: 'cpu', threads: 1, batchWaitMs: 150 },
  });
  let queues: Queues;
  let worker: RunningWorker;
  let models: { folder: string; remove(): Promise<void> };

  before(async () => {
    const { config, database } = test;
    models = await temporaryModels(fixtureModels);
    await activateTiny(database, [models.folder]);
    queues = await openQueues(config, database, quietLog);
    worker = await startWorker({ config, database, queues, log: quietLog, folders: [models.folder] });
  });
  after(async () => {
    await worker.close();
    await queues.close();
    await models.remove();
  });

  const pngs = (seeds: readonly number[]) => Promise.all(seeds.map((seed) => pngOf(greyRegion(seed))));
  const wake = ({ id, revision, state }: Awaited<ReturnType<typeof insertLocatedCase>>) =>
    queues.wake({ id, revision, state });

  it('classifies the regions of a located case and moves it on, with all that a replay needs', async () => {
    const regions = regionsOf(await pngs([1, 2, 3, 4, 5]));
    const located = await insertLocatedCase(test.database, regions);
    await wake(located);
    assert.equal((await settled(test.database, located.id)).state, 'classified');
    const rows = await listInferences(test.database.knex, located.id, 1);
    assert.deepEqual(
      rows.map(({ level }) => level),
      [...LEVELS],
    );
    for (const [i, row] of rows.entries()) {
      assert.equal(row.pngSha256, sha256(regions[i]!.png));
      assert.equal(row.calcified, row.probability >= row.threshold);
      assert.deepEqual([row.role, row.provider, row.modelName], ['active', 'cpu', 'tiny-classifier']);
      assert.match(row.runtime, /^onnxruntime-node \d+\.\d+/);
      assert.match(row.modelSha256, /^[0-9a-f]{64}$/);
      assert.ok(row.batchSize >= 5 && row.batchPosition < row.batchSize && row.milliseconds > 0);
      const cam = decodeCam(row.cam!);
      const mean = cam.reduce((a, b) => a + b, 0) / 49;
      assert.ok(
        Math.abs(1 / (1 + Math.exp(-mean)) - row.probability) < 1e-5,
        'the map is that of the region',
      );
    }
    const [event] = await listAudit(test.database.knex, 'case', located.id, 1);
    assert.equal(event?.event, 'CASE_MOVED');
    assert.deepEqual(event?.detail, {
      from: 'located',
      to: 'classified',
      revision: 1,
      regions: 5,
      model: 'tiny-classifier@1',
      modelSha256: rows[0]!.modelSha256,
      calcified: rows.filter(({ calcified }) => calcified).map(({ level }) => level),
      shadows: [],
    });
  });

  it('moves a case without discs on, without answers', async () => {
    const located = await insertLocatedCase(test.database, []);
    await wake(located);
    assert.equal((await settled(test.database, located.id)).state, 'classified');
    assert.deepEqual(await listInferences(test.database.knex, located.id, 1), []);
  });

  it('puts regions of several cases into one batch', async () => {
    const pictures = await pngs([10, 11]);
    const cases = await Promise.all(
      Array.from({ length: 8 }, () => insertLocatedCase(test.database, regionsOf(pictures))),
    );
    await Promise.all(cases.map(wake));
    for (const { id } of cases) await settled(test.database, id);
    const rows = (await Promise.all(cases.map(({ id }) => listInferences(test.database.knex, id, 1)))).flat();
    assert.ok(
      rows.some(({ batchSize }) => batchSize > 2),
      `batches of ${rows.map((row) => row.batchSize)}`,
    );
  });

  it('parks a case whose region is not what was stored, and finishes the others', async () => {
    const [a, b] = await pngs([40, 41]);
    const bad = await insertLocatedCase(test.database, [
      { level: 'L4-L5', png: a!, pngSha256: '0'.repeat(64) },
      { level: 'L5-S1', png: b! },
    ]);
    const good = await insertLocatedCase(test.database, regionsOf([a!, b!]));
    await Promise.all([bad, good].map(wake));
    assert.equal((await settled(test.database, good.id)).state, 'classified');
    const parked = await settled(test.database, bad.id);
    assert.deepEqual(
      [parked.state, parked.parkedFrom, parked.lastErrorCode],
      ['parked', 'located', 'REGION_CORRUPT'],
    );
    assert.deepEqual(await listInferences(test.database.knex, bad.id, 1), []);
  });

  it('parks a case with a region that the network cannot answer, and no other of its batch', async () => {
    const black = await pngOf(new Uint8Array(REGION_PIXELS));
    const bad = await insertLocatedCase(test.database, [{ level: 'L3-L4', png: black }]);
    const good = await insertLocatedCase(test.database, regionsOf(await pngs([50, 51])));
    await Promise.all([bad, good].map(wake));
    assert.equal((await settled(test.database, good.id)).state, 'classified');
    const parked = await settled(test.database, bad.id);
    assert.deepEqual([parked.state, parked.lastErrorCode], ['parked', 'REGION_UNCLASSIFIABLE']);
    assert.match(parked.lastError!, /^L3-L4:/);
  });

  it('answers a case once, however often it is woken', async () => {
    const located = await insertLocatedCase(test.database, regionsOf(await pngs([60, 61])));
    await Promise.all([wake(located), wake(located), wake(located)]);
    await settled(test.database, located.id);
    await wake(located);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const moves = (await listAudit(test.database.knex, 'case', located.id)).filter(
      ({ event }) => event === 'CASE_MOVED',
    );
    assert.equal(moves.length, 1);
    assert.equal((await listInferences(test.database.knex, located.id, 1)).length, 2);
  });

  it('finds a located case whose wake was lost', async () => {
    const located = await insertLocatedCase(test.database, regionsOf(await pngs([62])));
    assert.equal((await settled(test.database, located.id)).state, 'classified');
  });

  it('takes up a newly activated model and a shadow without a restart; the shadow only records', async () => {
    const { knex } = test.database;
    const second = await copyModel(knex, models.folder, 'tiny-classifier', '2', { threshold: 0.01 });
    const third = await copyModel(knex, models.folder, 'tiny-classifier', '3', {});
    await changeModel(knex, { id: second.id, to: 'active' });
    await changeModel(knex, { id: third.id, to: 'shadow' });
    const located = await insertLocatedCase(test.database, regionsOf(await pngs([70, 71])));
    await wake(located);
    assert.equal((await settled(test.database, located.id)).state, 'classified');
    const rows = await listInferences(knex, located.id, 1);
    assert.deepEqual(
      rows.map(({ role, modelVersion, calcified }) => [role, modelVersion, calcified]),
      [
        ['active', '2', true],
        ['active', '2', true],
        ['shadow', '3', false],
        ['shadow', '3', false],
      ],
    );
  });

  it('keeps what a network cannot tell as neither calcified nor free of it, with the reason, and says so on the trail', async () => {
    const { knex } = test.database;
    const bounds = { threshold: 1, indeterminateFrom: 0 };
    const unsure = await copyModel(knex, models.folder, 'tiny-classifier', '5', bounds);
    const before = await resolveModel(knex, { name: 'tiny-classifier', version: '2' });
    await changeModel(knex, { id: unsure.id, to: 'active' });
    const located = await insertLocatedCase(test.database, regionsOf(await pngs([75])));
    await wake(located);
    assert.equal((await settled(test.database, located.id)).state, 'classified');
    await changeModel(knex, { id: before.id, to: 'active' });
    const [row] = (await listInferences(knex, located.id, 1)).filter(({ role }) => role === 'active');
    assert.deepEqual([row!.answer, row!.calcified, row!.distance], ['indeterminate', null, null]);
    assert.match(row!.reasons[0]!, /just below the threshold/);
    const [event] = await listAudit(knex, 'case', located.id, 1);
    const detail = event!.detail as Record<string, unknown>;
    assert.deepEqual([detail.calcified, detail.indeterminate], [[], [row!.level]]);
  });

  it('goes on without a shadow whose file is gone', async () => {
    const { knex } = test.database;
    const ghost = await copyModel(knex, models.folder, 'tiny-classifier', '4', {}, { keepFile: false });
    await changeModel(knex, { id: ghost.id, to: 'shadow' });
    const located = await insertLocatedCase(test.database, regionsOf(await pngs([80])));
    await wake(located);
    assert.equal((await settled(test.database, located.id)).state, 'classified');
    await changeModel(knex, { id: ghost.id, to: 'retired' });
  });

  it('lets cases wait, without losing attempts, while no classifier is active', async () => {
    const { knex } = test.database;
    const active = await resolveModel(knex, { name: 'tiny-classifier', version: '2' });
    await knex('model').where({ id: active.id }).update({ state: 'registered' });
    const located = await insertLocatedCase(test.database, regionsOf(await pngs([90])));
    await wake(located);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const waiting = (await findCase(knex, located.id))!;
    assert.deepEqual([waiting.state, waiting.attempts, waiting.lastErrorCode], ['located', 0, null]);
    assert.ok(waiting.nextAttemptAt.getTime() > Date.now());
    await knex('model').where({ id: active.id }).update({ state: 'active' });
    assert.equal((await settled(test.database, located.id)).state, 'classified');
  });

  it('leaves an audit trail that holds', async () => {
    const verdict = await verifyAudit(test.database.knex);
    assert.ok(verdict.ok);
  });
});
