import assert from 'node:assert/strict';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listAudit } from '../../db/tables/audit.js';
import { findModel, listModels } from '../../db/tables/models.js';
import { compareVersions, parseReference } from '../../models/catalogue/card.js';
import {
  adoptModelFolder,
  findModelFile,
  findModelFiles,
  readModelFolder,
} from '../../models/catalogue/modelFiles.js';
import {
  commandModel,
  previousActive,
  register,
  registerHostModels,
} from '../../models/catalogue/registry.js';
import { quietLog, useDatabase } from '../support/database.js';
import { copyModel, copyModelFolder, temporaryModels } from './models.js';
import { fixtureModels } from './regions.js';

const actor = 'user:test';

describe('the model registry', () => {
  const test = useDatabase();
  let models: { folder: string; remove(): Promise<void> };
  const folders = () => [models.folder];
  const command = (text: string, to: 'active' | 'shadow' | 'retired') =>
    commandModel(test.database.knex, folders(), { reference: parseReference(text), to, actor });
  const states = async () =>
    Object.fromEntries(
      (await listModels(test.database.knex)).map(({ name, version, state }) => [`${name}@${version}`, state]),
    );

  before(async () => {
    models = await temporaryModels(fixtureModels);
  });
  after(() => models.remove());

  it('registers what it finds, and chooses no classifier but the default one', async () => {
    await registerHostModels(test.database.knex, folders(), quietLog);
    assert.deepEqual(await states(), { 'tiny-classifier@1': 'registered' });
  });

  it('makes the highest version of the default classifier active where nobody has chosen, once', async () => {
    const { knex } = test.database;
    await copyModelFolder(models.folder, 'resnet34', '9', {});
    await copyModelFolder(models.folder, 'resnet34', '10', {});
    for (let i = 0; i < 2; i++) await registerHostModels(knex, folders(), quietLog);
    const now = await states();
    assert.deepEqual([now['resnet34@9'], now['resnet34@10']], ['registered', 'active']);
    const { id } = (await findModel(knex, 'resnet34', '10'))!;
    const trail = (await listAudit(knex, 'model', id)).map(({ event }) => event);
    assert.deepEqual(trail, ['MODEL_ACTIVATED', 'MODEL_REGISTERED']);
  });

  it('has one classifier decide: the one before it retires, and the trail says who did it', async () => {
    const { knex } = test.database;
    const row = await command('resnet34@9', 'active');
    const now = await states();
    assert.deepEqual([now['resnet34@9'], now['resnet34@10']], ['active', 'retired']);
    const [event] = await listAudit(knex, 'model', row.id, 1);
    assert.deepEqual(
      [event?.event, event?.actor, event?.detail.replaces],
      ['MODEL_ACTIVATED', actor, 'resnet34@10'],
    );
  });

  it('rolls back to the one before, and back again', async () => {
    const before = await previousActive(test.database.knex);
    assert.equal(before.version, '10');
    await command(`resnet34@${before.version}`, 'active');
    assert.equal((await previousActive(test.database.knex)).version, '9');
  });

  it('rolled back twice, goes further back, and not to the one that was withdrawn', async () => {
    const { knex } = test.database;
    const rollBack = async () => {
      const { name, version } = await previousActive(knex);
      const reference = { name, version };
      await commandModel(knex, folders(), { reference, to: 'active', actor, isRollback: true });
      return `${name}@${version}`;
    };
    for (const text of ['tiny-classifier@1', 'resnet34@9']) await command(text, 'active');
    assert.deepEqual([await rollBack(), await rollBack()], ['tiny-classifier@1', 'resnet34@10']);
  });

  it('does not choose again after a person has chosen', async () => {
    const { knex } = test.database;
    await knex('model').where({ state: 'active' }).update({ state: 'retired' });
    await registerHostModels(knex, folders(), quietLog);
    assert.ok(!Object.values(await states()).includes('active'));
    await command('resnet34', 'active');
    assert.equal((await states())['resnet34@10'], 'active');
  });

  it('refuses to retire or shadow the one that decides, and to touch a localiser', async () => {
    const { knex } = test.database;
    await assert.rejects(command('resnet34@10', 'retired'), {
      code: 'MODEL_STATE',
      message: /activate another/,
    });
    await assert.rejects(command('resnet34@10', 'shadow'), { code: 'MODEL_STATE' });
    const localiser = await copyModel(knex, models.folder, 'localiser', '1', { kind: 'localiser' });
    await assert.rejects(command(localiser.name, 'active'), {
      code: 'MODEL_STATE',
      message: /locate\.model/,
    });
  });

  it('names the models there are when it does not know the one asked for', async () => {
    await assert.rejects(command('resnet50', 'active'), { code: 'MODEL_MISSING', message: /resnet34@10/ });
  });

  it('refuses a file that does not have the hash of its card, and registers the others', async () => {
    const folder = await copyModelFolder(models.folder, 'broken', '1', {});
    await appendFile(join(folder, 'model.onnx'), 'x');
    await assert.rejects(readModelFolder(folder), { code: 'MODEL_HASH_MISMATCH' });
    const { models: found, refused } = await findModelFiles(folders());
    assert.deepEqual(
      refused.map(({ error }) => error.code),
      ['MODEL_HASH_MISMATCH'],
    );
    assert.ok(found.length >= 4);
    await registerHostModels(test.database.knex, folders(), quietLog);
    assert.equal(await findModel(test.database.knex, 'broken', '1'), null);
  });

  it('refuses to activate a file that was exchanged after its registration', async () => {
    const { knex } = test.database;
    const row = await copyModel(knex, models.folder, 'exchanged', '1', {});
    await appendFile(join(models.folder, row.path), 'x');
    await assert.rejects(command('exchanged', 'active'), { code: 'MODEL_HASH_MISMATCH' });
    assert.equal((await states())['exchanged@1'], 'registered');
  });

  it('refuses another file under a name and version that is registered', async () => {
    const { knex } = test.database;
    const file = await findModelFile(folders(), { name: 'resnet34', version: '9' });
    const other = { ...file, card: { ...file.card, sha256: 'f'.repeat(64) } };
    await assert.rejects(register(knex, other), { code: 'MODEL_HASH_MISMATCH' });
  });

  it('names the entry of a card that is wrong', async () => {
    const folder = await copyModelFolder(models.folder, 'careless', '1', { threshold: 1.5 });
    await assert.rejects(readModelFolder(folder), { code: 'MODEL_CARD_INVALID', message: /threshold/ });
    await writeFile(join(folder, 'card.json'), '{');
    await assert.rejects(readModelFolder(folder), { code: 'MODEL_CARD_INVALID', message: /not JSON/ });
  });

  it('adopts a folder once, and not another under the same name', async () => {
    const from = await temporaryModels(fixtureModels);
    const folder = await copyModelFolder(from.folder, 'new', '1', {});
    const adopted = await adoptModelFolder(folder, folders());
    assert.ok(adopted.path.startsWith(models.folder));
    assert.equal((await adoptModelFolder(folder, folders())).path, adopted.path);
    await writeFile(adopted.path, 'other');
    await assert.rejects(adoptModelFolder(folder, folders()), { code: 'MODEL_STATE' });
    await rm(adopted.path);
    await from.remove();
  });

  it('knows that version 10 comes after 9', () => {
    assert.deepEqual(['10', '9', '1.10.0', '1.9.2'].sort(compareVersions), ['1.9.2', '1.10.0', '9', '10']);
  });
});
