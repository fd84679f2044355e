import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../config/root.js';
import { listAudit } from '../../db/tables/audit.js';
import { listInferences } from '../../db/tables/inferences.js';
import { useDatabase } from '../support/database.js';
import { insertLocatedCase, regionsOf, settled } from './locatedCases.js';
import { copyModelFolder } from './models.js';
import { fixtureModels, greyRegion, pngOf } from './regions.js';

const cli = join(projectRoot, 'bin', 'calcidisc.mjs');

describe('the commands of the worker', function () {
  this.timeout(120_000);
  const test = useDatabase();
  let dataDir: string;
  let worker: ChildProcess | undefined;

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'calcidisc-cli-'));
    await cp(join(fixtureModels, 'tiny-classifier'), join(dataDir, 'models', 'tiny-classifier'), {
      recursive: true,
    });
    for (const seed of [1, 2]) await writeFile(join(dataDir, `${seed}.png`), await pngOf(greyRegion(seed)));
    await writeFile(join(dataDir, 'small.png'), await pngOf(new Uint8Array(100), 10, 10));
  });
  after(async () => {
    worker?.kill('SIGKILL');
    await rm(dataDir, { recursive: true, force: true });
  });

  const environment = () => ({
    ...process.env,
    CALCIDISC_DATA: dataDir,
    CALCIDISC_LOG_LEVEL: 'error',
    DATABASE_URL: test.database.url,
  });
  const calcidisc = (...args: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const options = { env: environment(), cwd: dataDir };
      execFile(process.execPath, [cli, ...args], options, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });

  it('classify answers one entry per file, in order, as other tools expect it', async () => {
    const args = ['classify', '2.png', '1.png', '--model', 'tiny-classifier', '--json'];
    const { code, stdout } = await calcidisc(...args);
    assert.equal(code, 0);
    const answers = JSON.parse(stdout);
    assert.deepEqual(
      answers.map(({ file }: { file: string }) => file),
      ['2.png', '1.png'],
    );
    for (const answer of answers) {
      assert.deepEqual(Object.keys(answer), [
        ...['file', 'probability', 'calcified', 'model', 'sha256', 'answer', 'reasons', 'alone'],
      ]);
      assert.equal(answer.calcified, answer.probability >= 0.5);
      assert.equal(answer.answer, answer.calcified ? 'calcified' : 'not-calcified');
      assert.equal(answer.model, 'tiny-classifier');
      assert.match(answer.sha256, /^[0-9a-f]{64}$/);
    }
  });

  it('classify refuses what is no region, and a model that is not there, with nothing on stdout', async () => {
    const small = await calcidisc('classify', 'small.png', '--model', 'tiny-classifier', '--json');
    assert.deepEqual([small.code, small.stdout], [1, '']);
    assert.match(small.stderr, /small\.png: not a 224 by 224 8-bit grey PNG: it is 10 by 10/);
    const unknown = await calcidisc('classify', '1.png', '--model', 'tiny-classifier@7', '--json');
    assert.deepEqual([unknown.code, unknown.stdout], [1, '']);
    assert.match(unknown.stderr, /no model tiny-classifier@7 .*there is .*tiny-classifier@1/);
    assert.notEqual((await calcidisc('classify', 'absent.png', '--model', 'tiny-classifier')).code, 0);
  });

  it('model adds, activates, rolls back and lists', async () => {
    const source = await mkdtemp(join(tmpdir(), 'calcidisc-models-'));
    await cp(join(fixtureModels, 'tiny-classifier'), join(source, 'tiny-classifier'), { recursive: true });
    const folder = await copyModelFolder(source, 'tiny-classifier', '2', {});
    assert.equal((await calcidisc('model', 'add', folder)).code, 0);
    await rm(source, { recursive: true });
    assert.equal((await calcidisc('model', 'activate', 'tiny-classifier@1')).code, 0);
    assert.equal((await calcidisc('model', 'activate', 'tiny-classifier')).code, 0);
    assert.equal((await calcidisc('model', 'rollback')).code, 0);
    assert.equal((await calcidisc('model', 'shadow', 'tiny-classifier@2')).code, 0);
    const { stdout } = await calcidisc('model', 'list', '--json');
    const listed = JSON.parse(stdout).filter(({ name }: { name: string }) => name === 'tiny-classifier');
    assert.deepEqual(
      listed.map(({ version, state }: { version: string; state: string }) => [version, state]),
      [
        ['1', 'active'],
        ['2', 'shadow'],
      ],
    );
  });

  it("model site and threshold: what the site's studies say, and a threshold of its own with its reason", async () => {
    const without = await calcidisc('model', 'threshold', 'tiny-classifier@1', '0.9');
    assert.notEqual(without.code, 0);
    assert.match(without.stderr, /--reason/);
    const set = await calcidisc('model', 'threshold', 'tiny-classifier@1', '0.9', '--reason', 'a try');
    assert.match(set.stdout, /tiny-classifier@1: calcified from 0\.900, from the next case on/);
    const { stdout } = await calcidisc('model', 'site', 'tiny-classifier@1', '--json');
    const { model, threshold, isLocal, discs, suggestion } = JSON.parse(stdout);
    assert.deepEqual([model, threshold, isLocal, discs], ['tiny-classifier@1', 0.9, true, 0]);
    assert.match(suggestion.none, /too few/);
    assert.match((await calcidisc('model', 'site', 'tiny-classifier@1')).stdout, /this site's own/);
    const back = await calcidisc('model', 'threshold', 'tiny-classifier@1', 'card', '--reason', 'back');
    assert.match(back.stdout, /calcified from 0\.500/);
  });

  it('worker classifies in a process of its own and ends when asked', async () => {
    const pngs = await Promise.all([1, 2, 3].map((seed) => pngOf(greyRegion(seed))));
    const located = await insertLocatedCase(test.database, regionsOf(pngs));
    worker = spawn(process.execPath, [cli, 'worker'], { env: environment(), stdio: 'ignore' });
    assert.equal((await settled(test.database, located.id, 60_000)).state, 'classified');
    assert.equal((await listInferences(test.database.knex, located.id, 1)).length, 6);
    worker.kill('SIGTERM');
    const [code] = await once(worker, 'exit');
    assert.equal(code, 0);
  });

  it('worker killed in the middle loses nothing and answers nothing twice', async () => {
    const { knex } = test.database;
    const png = await pngOf(greyRegion(3));
    const cases = [];
    for (let n = 0; n < 40; n++) cases.push(await insertLocatedCase(test.database, regionsOf([png, png])));
    const classified = async () =>
      Number((await knex('case').where({ state: 'classified' }).count('* as count'))[0]!.count);
    const before = await classified();
    worker = spawn(process.execPath, [cli, 'worker'], { env: environment(), stdio: 'ignore' });
    while ((await classified()) === before) await new Promise((resolve) => setTimeout(resolve, 2));
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    assert.ok((await classified()) < before + cases.length, 'killed in the middle');
    worker = spawn(process.execPath, [cli, 'worker'], { env: environment(), stdio: 'ignore' });
    for (const { id } of cases) assert.equal((await settled(test.database, id, 60_000)).state, 'classified');
    worker.kill('SIGTERM');
    await once(worker, 'exit');
    for (const { id } of cases) {
      assert.equal(
        (await listInferences(knex, id, 1)).length,
        4,
        'two regions, an active model and a shadow',
      );
      const moves = (await listAudit(knex, 'case', id)).filter(({ event }) => event === 'CASE_MOVED');
      assert.equal(moves.length, 1);
    }
  });

  it('replay exits with 0 when every bit is the same, with 1 when one is not, with 3 when there is no such case', async () => {
    const { knex } = test.database;
    const [{ id }] = await knex('case').select('id');
    const same = await calcidisc('replay', id.slice(0, 8), '--json');
    assert.deepEqual([same.code, JSON.parse(same.stdout).equal], [0, true], same.stdout + same.stderr);
    await knex('inference').where({ role: 'active' }).update({ probability: 0.25 });
    const other = await calcidisc('replay', id);
    assert.equal(other.code, 1);
    assert.match(other.stdout, /DIFFERS: the probability differs by/);
    assert.equal((await calcidisc('replay', 'ffffffff')).code, 3);
  });
});
