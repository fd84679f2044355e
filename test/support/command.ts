import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from '../../config/root.js';

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  json<T = Record<string, unknown>>(): T;
}

export interface CommandOptions {
  /** Default: the system's root, a folder outside of the project. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Instead of the project's own, for an installed package. */
  readonly program?: string;
}

/** `calcidisc …` as a person runs it: a process of its own, started outside of the project, with nothing else set. */
export async function calcidisc(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const program = options.program ?? join(projectRoot, 'bin/calcidisc.mjs');
  const child = spawn(process.execPath, [program, ...args], {
    cwd: options.cwd ?? '/',
    env: { PATH: process.env.PATH, HOME: process.env.HOME, CALCIDISC_LOG_LEVEL: 'error', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr, json: () => JSON.parse(stdout) };
}
