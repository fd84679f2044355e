import { setTimeout as sleep } from 'node:timers/promises';
import type { Site } from './site.js';

/** What befalls a site while it works, each when so many of the studies have their report. */
export interface Fault {
  readonly name: string;
  /** Share of the studies. */
  readonly at: number;
  happen(site: Site): Promise<void>;
}

const AWAY_MS = 20_000;

export const FAULTS: readonly Fault[] = [
  {
    name: 'a worker is killed (SIGKILL), back after 20 s',
    at: 0.05,
    async happen({ workers }) {
      await workers[0]!.kill();
      await sleep(AWAY_MS);
      await workers[0]!.start();
    },
  },
  {
    name: 'an agent is killed (SIGKILL), back after 20 s with the same data folder',
    at: 0.15,
    async happen({ agents }) {
      await agents[0]!.kill();
      await sleep(AWAY_MS);
      await agents[0]!.start();
    },
  },
  {
    name: 'the cable of an agent is pulled for 20 s',
    at: 0.3,
    async happen({ agents }) {
      const { host } = agents.at(-1)!;
      await host.cut();
      await sleep(AWAY_MS);
      await host.mend();
    },
  },
  {
    name: 'Redis is killed and comes back empty',
    at: 0.45,
    async happen({ redis }) {
      await redis.kill();
      await sleep(3_000);
      await redis.start();
    },
  },
  {
    name: 'PostgreSQL is killed (SIGKILL of its first process), back after 5 s',
    at: 0.6,
    async happen({ postgres }) {
      await postgres.kill();
      await sleep(5_000);
      await postgres.start();
    },
  },
  {
    name: 'the host of an agent loses its power: nobody is told; back after 60 s',
    at: 0.75,
    async happen({ agents }) {
      const agent = agents.at(-1)!;
      await agent.host.cut();
      await agent.kill();
      await sleep(3 * AWAY_MS);
      await agent.host.mend();
      await agent.start();
    },
  },
];
