import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigInput } from '../../../config/schema.js';
import { type CalcidiscProcess, startCalcidisc } from '../../support/calcidiscProcess.js';
import { type Network, type NetworkHost, openNetwork } from './network.js';
import { postgresOn, redisOn, type Server } from './servers.js';

/** An agent or a worker on a host of its own, which can be killed and started again with the same data folder. */
export interface Member {
  readonly name: string;
  readonly host: NetworkHost;
  readonly isUp: boolean;
  start(): Promise<void>;
  kill(): Promise<void>;
}

export interface Site {
  readonly agents: readonly Member[];
  readonly workers: readonly Member[];
  readonly postgres: Server;
  readonly redis: Server;
  readonly network: Network;
  close(): Promise<void>;
}

export interface SiteOptions {
  readonly dir: string;
  readonly agents: number;
  readonly workers: number;
  readonly pacs: { readonly aeTitle: string; readonly port: number };
}

export const DICOM_PORT = 11112;
const AGENTS_PORT = 8081;

/** PostgreSQL and Redis on one host, each agent and worker on its own, the PACS and the modalities at the switch. */
export async function openSite({ dir, agents, workers, pacs }: SiteOptions): Promise<Site> {
  const names = (kind: string, count: number) => Array.from({ length: count }, (_, i) => `${kind}${i + 1}`);
  const [agentNames, workerNames] = [names('agent', agents), names('worker', workers)];
  const network = await openNetwork(['db', ...agentNames, ...workerNames]);
  const closing: (() => Promise<unknown>)[] = [network.close];
  const close = async () => {
    for (const one of closing.reverse()) await one().catch(() => undefined);
  };
  try {
    const postgres = await postgresOn(network.hosts.db!, join(dir, 'db'));
    closing.push(postgres.kill);
    const redis = await redisOn(network.hosts.db!);
    closing.push(redis.kill);
    await writeFile(join(dir, 'secret'), 'what the agents of this site share');
    const shared: ConfigInput = {
      log: { level: 'info' },
      database: { url: postgres.url },
      queue: { redisUrl: redis.url, sweepMs: 1_000 },
      http: { port: 0 },
      retry: { firstMs: 500, maxMs: 5_000 },
      route: {
        destinations: [
          { name: 'pacs', aeTitle: pacs.aeTitle, host: network.address, port: pacs.port, forms: ['sr'] },
        ],
      },
      query: {
        sources: [{ name: 'pacs', aeTitle: pacs.aeTitle, host: network.address, port: pacs.port }],
        priors: { enabled: false },
      },
    };
    const member = async (name: string, kind: 'agent' | 'worker', own: ConfigInput): Promise<Member> => {
      const host = network.hosts[name]!;
      const dataDir = join(dir, name);
      await mkdir(dataDir);
      let running: CalcidiscProcess | null = null;
      const kill = async () => {
        await running?.kill();
        running = null;
      };
      closing.push(kill);
      return {
        name,
        host,
        get isUp() {
          return running !== null;
        },
        async start() {
          running = await startCalcidisc(kind, { ...shared, ...own, dataDir }, host.spawn);
        },
        kill,
      };
    };
    const agentOf = (name: string) => {
      const { address } = network.hosts[name]!;
      return member(name, 'agent', {
        dicom: { host: address, port: DICOM_PORT, allowedCallingAEs: ['CT1', 'MR1'] },
        agents: {
          name,
          host: address,
          port: AGENTS_PORT,
          address: `http://${address}:${AGENTS_PORT}`,
          secretFile: join(dir, 'secret'),
          awayAfterMs: 120_000,
        },
      });
    };
    const site = {
      agents: await Promise.all(agentNames.map(agentOf)),
      workers: await Promise.all(workerNames.map((name) => member(name, 'worker', { agents: { name } }))),
    };
    for (const one of [...site.agents, ...site.workers]) await one.start();
    return { ...site, postgres, redis, network, close };
  } catch (error) {
    await close();
    throw error;
  }
}
