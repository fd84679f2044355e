import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ToolResult {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, in the order they came. */
  readonly output: string;
}

/** Runs a command-line tool (storescu, dcmdump, dciodvfy …) to its end; a failing exit code is a value. */
export function runTool(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const text = { stdout: '', stderr: '', output: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (piece: string) => {
        text[name] += piece;
        text.output += piece;
      });
    }
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, ...text }));
  });
}

export interface SendOptions {
  readonly port: number;
  readonly paths: readonly string[];
  readonly calledAe?: string;
  readonly callingAe?: string;
  /** More of storescu's options, for example ['-xs']. */
  readonly args?: readonly string[];
  /** DCMTK's default; off here unless asked for, as it makes some receivers wait 40 ms per image. */
  readonly isNagleOn?: boolean;
}

/** C-STORE with DCMTK. */
export function storescu(send: SendOptions): Promise<ToolResult> {
  const { port, paths, calledAe = 'CALCIDISC', callingAe = 'STORESCU', args = [], isNagleOn = false } = send;
  const options = ['-aec', calledAe, '-aet', callingAe, '+sd', '+r', ...args];
  const env = { TCP_NODELAY: isNagleOn ? '0' : '1' };
  return runTool('storescu', [...options, '127.0.0.1', String(port), ...paths], env);
}

export function echoscu(port: number, calledAe = 'CALCIDISC', callingAe = 'ECHOSCU') {
  return runTool('echoscu', ['-aec', calledAe, '-aet', callingAe, '127.0.0.1', String(port)]);
}

export interface RunningStorescp {
  readonly port: number;
  readonly dir: string;
  readonly process: ChildProcess;
  /** Absolute paths of what it has received. */
  files(): Promise<string[]>;
  stop(): Promise<void>;
}

/** A DCMTK storescp on a free port, keeping what it gets bit by bit in a temporary folder. */
export async function startStorescp(
  args: readonly string[] = [],
  isNagleOn = false,
): Promise<RunningStorescp> {
  const dir = await mkdtemp(join(tmpdir(), 'calcidisc-storescp-'));
  const port = await freePort();
  const child = spawn('storescp', ['-od', dir, '+B', '+xa', ...args, String(port)], {
    stdio: 'ignore',
    env: { ...process.env, TCP_NODELAY: isNagleOn ? '0' : '1' },
  });
  await waitForPort(port, child);
  return {
    port,
    dir,
    process: child,
    files: async () => (await readdir(dir)).map((name) => join(dir, name)),
    stop: async () => {
      await stopProcess(child);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A port of 127.0.0.1 where nothing listens, another one each time. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST_PORT + Math.floor(Math.random() * PORTS);
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
  }
}

/** Below those that the system gives out by itself: nobody who asks for any port gets one of these meanwhile. */
const LOWEST_PORT = 15_000;
const PORTS = 17_000;
const given = new Set<number>();

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

const START_TIMEOUT_MS = 20_000;

/** Resolves when something listens; rejects when the process ends before that. */
export async function waitForPort(port: number, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the server ended with exit code ${child.exitCode}`);
    if (await canConnect(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing listens on port ${port} after ${START_TIMEOUT_MS} ms`);
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(force);
}
