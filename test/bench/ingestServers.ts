import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startStorescp, stopProcess } from '../support/dcmtk.js';
import { startOrthanc } from '../support/orthanc.js';

export interface BenchServer {
  readonly port: number;
  readonly pid: number;
  /** How many images it has. */
  stored(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Each started fresh on an empty temporary folder. Orthanc and storescp are given what the sender is given: both
 * are DCMTK, which answers with Nagle's algorithm on unless the environment says otherwise.
 */
export const SERVERS = {
  orthanc: async (isNagleOn: boolean): Promise<BenchServer> => {
    const orthanc = await startOrthanc({ aet: 'CALCIDISC', isNagleOn });
    return {
      port: orthanc.dicomPort,
      pid: orthanc.pid,
      stored: async () => (await orthanc.rest<{ CountInstances: number }>('/statistics')).CountInstances,
      stop: orthanc.stop,
    };
  },
  storescp: async (isNagleOn: boolean): Promise<BenchServer> => {
    const scp = await startStorescp(['--fork'], isNagleOn);
    return {
      port: scp.port,
      pid: scp.process.pid!,
      stored: async () => (await scp.files()).length,
      stop: scp.stop,
    };
  },
  calcidisc: async (): Promise<BenchServer> => {
    const dir = await mkdtemp(join(tmpdir(), 'calcidisc-bench-spool-'));
    const script = fileURLToPath(new URL('../support/receiverProcess.js', import.meta.url));
    const child = spawn(process.execPath, [script, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    return {
      port: Number(line.toString()),
      pid: child.pid!,
      stored: async () => (await readdir(join(dir, 'new'))).length,
      stop: async () => {
        await stopProcess(child);
        await rm(dir, { recursive: true, force: true });
      },
    };
  },
} as const satisfies Record<string, (isNagleOn: boolean) => Promise<BenchServer>>;

export type ServerName = keyof typeof SERVERS;
