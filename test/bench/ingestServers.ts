import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCalcidisc } from '../support/calcidiscProcess.js';
import { freePort, startStorescp } from '../support/dcmtk.js';
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
  /** The whole agent, with its embedded database and its index catching up behind the senders. */
  calcidisc: async (): Promise<BenchServer> => {
    const dataDir = await mkdtemp(join(tmpdir(), 'calcidisc-bench-agent-'));
    const dicom = { port: await freePort() };
    const agent = await startCalcidisc('agent', { dataDir, dicom, http: { port: 0 } });
    return {
      port: agent.dicomPort,
      pid: agent.pid,
      stored: async () => {
        // Files move from `new` to `store` as they are indexed: counted when all have.
        while ((await readdir(join(dataDir, 'spool/new'))).length > 0) await sleep(20);
        const names = await readdir(join(dataDir, 'spool/store'), { recursive: true });
        return names.filter((name) => name.endsWith('.dcm')).length;
      },
      stop: async () => {
        await agent.stop();
        await rm(dataDir, { recursive: true, force: true });
      },
    };
  },
} as const satisfies Record<string, (isNagleOn: boolean) => Promise<BenchServer>>;

export type ServerName = keyof typeof SERVERS;
