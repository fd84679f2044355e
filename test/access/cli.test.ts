import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningHttp } from '../../agent/expose/server.js';
import { projectRoot } from '../../config/root.js';
import { searchAudit } from '../../db/tables/audit.js';
import { startCalcidisc } from '../support/calcidiscProcess.js';
import { calcidisc } from '../support/command.js';
import { useDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { PASSWORD, page } from './rig.js';
import { Visitor } from './visitor.js';

describe('access: calcidisc user, token, and the first start', function () {
  this.timeout(120_000);
  const db = useDatabase();
  let http: RunningHttp;
  let dir: string;
  before(async () => {
    http = await page(db);
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-access-'));
  });
  after(async () => {
    await http?.close();
    await rm(dir, { recursive: true, force: true });
  });

  const run = (...args: string[]) =>
    calcidisc(args, {
      env: {
        DATABASE_URL: db.config.database.url!,
        CALCIDISC_DATA: dir,
        CALCIDISC_HTTP_PORT: `${http.port}`,
      },
    });
  const done = async <T = Record<string, unknown>>(...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await run(...args, '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };

  it('`up` prints the first link on the terminal and in no line of the log; it makes the administrator', async () => {
    const config = {
      dataDir: dir,
      database: { url: db.config.database.url! },
      dicom: { port: 0 },
      http: { port: 0, access: 'required' as const },
    };
    const service = await startCalcidisc('up', config);
    const link = await until(
      () => /The first administrator is made here, once: (\S+)/.exec(service.output())?.[1],
    );
    const { origin, pathname, search, searchParams } = new URL(link);
    const owner = new Visitor(origin);
    const fields = {
      token: searchParams.get('token')!,
      name: 'root',
      password: PASSWORD,
      repeated: PASSWORD,
    };
    assert.equal((await owner.post('/set-up', fields, pathname + search)).status, 303);
    await service.stop();
    const logs = service
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    assert.ok(logs.length > 2 && !logs.some((line) => line.includes(searchParams.get('token')!)));
  });

  it('a person is added by a link, changed and closed, and the operating system’s account is on the trail', async () => {
    const added = await done<{ link: string }>('user', 'add', 'Anna', '--role', 'radiologist');
    const { pathname, search, searchParams } = new URL(added.link);
    const anna = new Visitor(`http://127.0.0.1:${http.port}`);
    const fields = { token: searchParams.get('token')!, name: '', password: PASSWORD, repeated: PASSWORD };
    assert.equal((await anna.post('/set-up', fields, pathname + search)).status, 303);
    await done('user', 'role', 'anna', 'auditor');
    assert.match((await anna.get('/account')).text, /auditor/);
    await done('user', 'close', 'anna');
    assert.equal((await anna.get('/account')).status, 302);
    const people = await done<{ name: string; state: string }[]>('user', 'list');
    assert.deepEqual(
      people.map(({ name, state }) => [name, state]),
      [
        ['anna', 'closed'],
        ['root', 'open'],
      ],
    );
    const [closed] = await searchAudit(db.database.knex, { event: 'ACCOUNT_CHANGED', limit: 1 });
    assert.match(closed!.actor, /^user:/);
  });

  it('a password by standard input never stands on a command line, and a weak one makes no account', async () => {
    const add = (name: string, password: string) =>
      new Promise<number | null>((ended) => {
        const args = [
          join(projectRoot, 'bin/calcidisc.mjs'),
          'user',
          'add',
          name,
          '--role',
          'viewer',
          '--password-stdin',
        ];
        const env = { PATH: process.env.PATH, DATABASE_URL: db.config.database.url!, CALCIDISC_DATA: dir };
        const child = spawn(process.execPath, args, { env, cwd: '/', stdio: ['pipe', 'ignore', 'ignore'] });
        child.on('close', ended);
        child.stdin.end(`${password}\n`);
      });
    assert.equal(await add('weak', 'short'), 1);
    assert.equal(await add('bob', PASSWORD), 0);
    const names = (await done<{ name: string }[]>('user', 'list')).map(({ name }) => name);
    assert.deepEqual([names.includes('weak'), names.includes('bob')], [false, true]);
    assert.equal((await new Visitor(`http://127.0.0.1:${http.port}`).logIn('bob', PASSWORD)).status, 303);
  });

  it('a token works until it is revoked, and its name is used once', async () => {
    const { token } = await done<{ token: string }>(
      'token',
      'add',
      'warehouse',
      '--role',
      'viewer',
      '--days',
      '30',
    );
    const program = new Visitor(`http://127.0.0.1:${http.port}`, { authorization: `Bearer ${token}` });
    assert.equal((await program.get('/api/cases')).status, 200);
    assert.equal((await run('token', 'add', 'warehouse', '--role', 'viewer')).code, 1);
    await done('token', 'revoke', 'warehouse');
    assert.equal((await program.get('/api/cases', { accept: '*/*' })).status, 401);
    const [row] = await done<Record<string, unknown>[]>('token', 'list');
    assert.equal(row!.state, 'revoked');
    assert.ok(row!.lastUsedAt && !JSON.stringify(row).includes(token));
  });

  it('what is not there, and what cannot be, is said with its exit code', async () => {
    for (const [args, code, says] of [
      [['user', 'close', 'nobody'], 3, /no account nobody/],
      [['user', 'close', 'root'], 1, /last administrator/],
      [['user', 'add', 'x', '--role', 'boss'], 2, /Allowed choices/],
    ] as const) {
      const { code: was, stderr } = await run(...args);
      assert.deepEqual([was, says.test(stderr)], [code, true], `${args.join(' ')}: ${stderr}`);
    }
  });
});
