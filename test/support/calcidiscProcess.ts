import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../config/root.js';
import type { ConfigInput } from '../../config/schema.js';

/** `calcidisc <command>` as a process of its own, to be killed. */
export interface CalcidiscProcess {
  readonly pid: number;
  /** From its log: the port it listens on. */
  readonly dicomPort: number;
  readonly output: () => string;
  /** SIGKILL: no handler runs, nothing is flushed. */
  kill(): Promise<void>;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>;
}

/** A host that has other work to do as well. */
const READY_LIMIT_MS = 120_000;

const READY = {
  agent: /listening for DICOM/,
  up: /listening for DICOM/,
  worker: /the worker waits for cases/,
} as const;

export async function startCalcidisc(
  command: keyof typeof READY,
  config: ConfigInput & { dataDir: string },
  /** Begins a program; as here, or in a network namespace. */
  begin: (program: string, args: readonly string[], options: SpawnOptions) => ChildProcess = spawn,
): Promise<CalcidiscProcess> {
  const file = join(config.dataDir, `config-${command}.json`);
  await writeFile(file, JSON.stringify(config));
  const child = begin(process.execPath, [join(projectRoot, 'bin/calcidisc.mjs'), '--config', file, command], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH },
  });
  let output = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await untilReady(
    child,
    () => READY[command].test(output),
    () => output,
  );
  const exited = () => (child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null);
  return {
    pid: child.pid!,
    dicomPort: Number(/"port":(\d+),"aeTitle"/.exec(output)?.[1] ?? 0),
    output: () => output,
    async kill() {
      child.kill('SIGKILL');
      await exited();
    },
    async stop() {
      child.kill('SIGTERM');
      await exited();
      return child.exitCode;
    },
  };
}

async function untilReady(child: ChildProcess, isReady: () => boolean, output: () => string): Promise<void> {
  for (let waited = 0; waited < READY_LIMIT_MS; waited += 20) {
    if (isReady()) return;
    if (child.exitCode !== null) throw new Error(`calcidisc ended with ${child.exitCode}:\n${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill('SIGKILL');
  throw new Error(`calcidisc was not ready in time:\n${output()}`);
}
