import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { serverAccount } from '../../../db/server/embeddedAccount.js';
import { initialise, loadPrograms, readPassword, SERVER_USER } from '../../../db/server/embeddedServer.js';
import { until } from '../../support/until.js';
import type { NetworkHost } from './network.js';

/** A server that can be killed and started again where it was. */
export interface Server {
  readonly url: string;
  start(): Promise<void>;
  /** SIGKILL: as power that fails. */
  kill(): Promise<void>;
}

/** PostgreSQL with everything synced to disk, on a host of its own. `dir` has to be reachable by the server's account. */
export async function postgresOn(host: NetworkHost, dir: string): Promise<Server> {
  const folder = join(dir, 'postgres');
  await mkdir(dir, { recursive: true });
  await initialise({ folder });
  const data = join(folder, 'data');
  await appendFile(join(data, 'postgresql.conf'), `listen_addresses = '${host.address}'\nport = 5432\n`);
  await appendFile(join(data, 'pg_hba.conf'), 'host all all 10.83.0.0/16 scram-sha-256\n');
  const account = serverAccount();
  const { postgres } = await loadPrograms();
  const identity = account
    ? ['--reuid', `${account.uid}`, '--regid', `${account.gid}`, '--clear-groups']
    : ['--no-new-privs'];
  const args = [...identity, '--', postgres, '-D', data];
  const urlOf = async (database: string) =>
    `postgres://${SERVER_USER}:${await readPassword({ folder })}@${host.address}:5432/${database}`;
  const server = killable(
    () =>
      host.spawn('setpriv', args, {
        stdio: 'ignore',
        cwd: '/',
        env: { PATH: process.env.PATH, LC_ALL: 'C' },
      }),
    async () => answers(await urlOf('postgres')),
  );
  await server.start();
  const client = new pg.Client({ connectionString: await urlOf('postgres') });
  await client.connect();
  await client.query('CREATE DATABASE calcidisc');
  await client.end();
  return { ...server, url: await urlOf('calcidisc') };
}

/** Redis that keeps nothing on disk: what it held is gone when it is killed. */
export async function redisOn(host: NetworkHost): Promise<Server> {
  const args = [
    '--port',
    '6379',
    '--bind',
    host.address,
    '--protected-mode',
    'no',
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const server = killable(
    () => host.spawn('redis-server', args, { stdio: 'ignore' }),
    async () => {
      const probe = spawn('redis-cli', ['-h', host.address, 'ping'], { stdio: 'ignore' });
      const [code] = await once(probe, 'exit');
      return code === 0;
    },
  );
  await server.start();
  return { ...server, url: `redis://${host.address}:6379` };
}

function killable(begin: () => ChildProcess, isReady: () => Promise<boolean>): Omit<Server, 'url'> {
  let child: ChildProcess;
  return {
    async start() {
      child = begin();
      await until(async () => {
        // Killed a moment ago, PostgreSQL starts only when the last of its old processes has noticed.
        if (child.exitCode !== null) child = begin();
        return isReady();
      }, 120_000);
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
