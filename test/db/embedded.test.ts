import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseConfig } from '../../config/load.js';
import { openDatabase } from '../../db/server/database.js';
import { openEmbedded } from '../../db/server/embedded.js';
import { createKnex } from '../../db/server/knex.js';
import { startChild } from '../support/child.js';
import { quietLog } from '../support/database.js';

/** Each test leaves the folder with its server stopped. */
describe('the embedded server', () => {
  let home: string;
  let dataDir: string;
  const open = (where = dataDir) => openEmbedded({ dataDir: where, throwaway: true }, quietLog);
  const pidFile = (where = dataDir) => join(where, 'postgres/data/postmaster.pid');
  const pidOf = async (where = dataDir) => Number((await readFile(pidFile(where), 'utf8')).split('\n')[0]);
  const isStopped = async (where = dataDir) => (await stat(pidFile(where)).catch(() => null)) === null;

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'calcidisc-embedded-'));
    // The server's account must be able to pass when this is root.
    await chmod(home, 0o755);
    dataDir = join(home, 'data');
    await (await open()).close();
  });
  after(() => rm(home, { recursive: true, force: true }));
  afterEach(async () => assert.ok(await isStopped(), 'the test has left its server running'));

  it('answers only this machine, wants its password, keeps that from others, and syncs what it commits', async () => {
    const server = await openEmbedded({ dataDir: join(home, 'for-good') }, quietLog);
    const knex = createKnex(server.url, 2);
    const { rows } = await knex.raw(`SELECT name, setting FROM pg_settings
      WHERE name IN ('listen_addresses', 'unix_socket_directories', 'fsync', 'synchronous_commit', 'full_page_writes')`);
    const settings = Object.fromEntries(
      rows.map((row: { name: string; setting: string }) => [row.name, row.setting]),
    );
    await knex.destroy();
    const folder = join(home, 'for-good/postgres');
    const modes = await Promise.all(
      [folder, join(folder, 'password'), join(folder, 'data')].map((path) => stat(path)),
    );
    const wrong = createKnex(server.url.replace(/:[0-9a-f]{48}@/, ':guessed@'), 1);
    await assert.rejects(async () => wrong.raw('SELECT 1'), /password authentication failed/);
    await wrong.destroy();
    await server.close();
    assert.deepEqual(settings, {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
    });
    assert.deepEqual(
      modes.map(({ mode }) => (mode & 0o777).toString(8)),
      ['700', '600', '700'],
    );
  });

  it('is one for two handles, and stops with the last of them', async () => {
    const [one, two] = await Promise.all([open(), open()]);
    assert.equal(one.url, two.url);
    await one.close();
    assert.equal(await isStopped(), false);
    await answers(two.url);
    await two.close();
    assert.ok(await isStopped());
  });

  it('is stopped by the last of its users also while that one is starting it again', async () => {
    const server = await open();
    const killed = await pidOf();
    process.kill(killed, 'SIGKILL');
    // pg_ctl still waits for the new one to answer when its number is there.
    while ((await pidOf().catch(() => killed)) === killed) await sleep(1);
    await server.close();
    await sleep(500);
    assert.ok(await isStopped());
  });

  it('is one for four processes that start it together on an empty folder', async () => {
    const fresh = join(home, 'fresh');
    const children = Array.from({ length: 4 }, () => startChild('hold', fresh));
    const urls = await Promise.all(children.map(async (child) => (await child.next<{ url: string }>()).url));
    assert.equal(new Set(urls).size, 1);
    await answers(urls[0]!);
    await Promise.all(children.map((child) => child.leave()));
    assert.ok(await isStopped(fresh));
  });

  it('outlives the process that started it while another one uses it', async () => {
    const starter = startChild('hold', dataDir);
    const { url } = await starter.next<{ url: string }>();
    const user = await open();
    await starter.leave();
    assert.equal(user.url, url);
    await answers(user.url);
    await user.close();
  });

  it('goes on after kill -9 of the process that started it, and the next process adopts it', async () => {
    const starter = startChild('hold', dataDir);
    const { url } = await starter.next<{ url: string }>();
    const pid = await pidOf();
    const knex = createKnex(url, 1);
    await knex.raw('CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer');
    await knex.destroy();
    await starter.kill();
    const next = await open();
    assert.equal(await pidOf(), pid);
    assert.equal(next.url, url);
    assert.deepEqual(await answers(next.url, 'SELECT answer FROM kept'), [{ answer: 42 }]);
    await next.close();
    assert.ok(await isStopped(), 'the killed process no longer counts as a user');
  });

  it('starts after kill -9 of both', async () => {
    const starter = startChild('hold', dataDir);
    await starter.next();
    const pid = await pidOf();
    await starter.kill();
    await killAndWait(pid);
    const next = await open();
    assert.notEqual(await pidOf(), pid);
    await answers(next.url);
    await next.close();
  });

  it('starts although the number of its dead process belongs to another program now', async () => {
    await writeFile(
      pidFile(),
      `${process.pid}\n${join(dataDir, 'postgres/data')}\n1\n1\n\n127.0.0.1\n\nready   \n`,
    );
    const server = await open();
    await answers(server.url);
    await server.close();
  });

  it('that is killed is started again by whoever uses it, on the same port', async () => {
    const server = await open();
    const knex = createKnex(server.url, 2);
    await knex.raw('SELECT 1');
    await killAndWait(await pidOf());
    await eventually(() => knex.raw('SELECT 1'));
    await knex.destroy();
    await server.close();
  });

  it('is there for whoever comes while the last one leaves', async () => {
    for (let round = 0; round < 5; round++) {
      const last = await open();
      const [, next] = await Promise.all([last.close(), sleep(round * 15).then(() => open())]);
      await answers(next.url);
      await next.close();
    }
  });

  it('comes up for a whole database, and again', async () => {
    const config = parseConfig({ dataDir });
    for (let start = 0; start < 2; start++) {
      const database = await openDatabase(config, quietLog);
      assert.equal((await database.knex('auditEvent').count('* as count').first())?.count, 0);
      await database.close();
      await database.close();
    }
  });

  it('says what the server said when it cannot start', async () => {
    const broken = join(home, 'broken');
    await (await open(broken)).close();
    await writeFile(join(broken, 'postgres/data/postgresql.auto.conf'), "shared_buffers = 'plenty'\n");
    await assert.rejects(open(broken), { code: 'DATABASE_UNAVAILABLE', message: /shared_buffers/ });
  });

  it('runs for root where its own account may not even look', async function () {
    if (process.getuid?.() !== 0) return this.skip();
    const closed = join(home, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const server = await open(join(closed, 'data'));
    const pid = await pidOf(join(closed, 'data'));
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    assert.doesNotMatch(status, /^Uid:\t0\t/m);
    await answers(server.url);
    await server.close();
  });
});

async function answers(url: string, sql = 'SELECT 1 AS one'): Promise<unknown[]> {
  const knex = createKnex(url, 1);
  try {
    return (await knex.raw(sql)).rows;
  } finally {
    await knex.destroy();
  }
}

async function killAndWait(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(10);
  }
}

async function eventually(work: () => Promise<unknown>): Promise<void> {
  for (let left = 400; ; left--) {
    try {
      await work();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await sleep(25);
    }
  }
}
