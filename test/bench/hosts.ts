/**
 * `npm run bench:hosts -- [--studies 200] [--agents 2] [--workers 3] [--no-faults] [--senders 4] [--json]`
 *
 * A site of several hosts on this machine, each in a network namespace of its own (Linux, root, iproute2): PostgreSQL
 * and Redis on one, each agent and each worker with a data folder of its own on one, a real Orthanc as the PACS.
 * Studies of an MR, one in four with a CT, come by a load balancer: each series to whichever agent is next, and sent
 * again to another one where it is not taken. Meanwhile workers and agents are killed, a cable is pulled, a host loses its power, Redis and
 * PostgreSQL die (--no-faults: nothing does). At the end every study has one report in the PACS, none is lost, none
 * is there twice; last line: what came out, as JSON. The hosts share this machine's cores.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { storeFiles } from '../../agent/deliver/scu.js';
import { createKnex } from '../../db/server/knex.js';
import { verifyAudit } from '../../db/tables/audit.js';
import { quantile } from '../../models/statistics/describe.js';
import { drawSiteStudies, forRun } from '../field/siteStudies.js';
import { startOrthanc } from '../support/orthanc.js';
import { argumentsOf, wholeNumber, wrongUsage } from './arguments.js';
import { FAULTS } from './hosts/faults.js';
import { whyNoNetwork } from './hosts/network.js';
import { DICOM_PORT, openSite } from './hosts/site.js';

const { values: options } = argumentsOf(import.meta.url, {
  options: {
    studies: { type: 'string', default: '200' },
    agents: { type: 'string', default: '2' },
    workers: { type: 'string', default: '3' },
    senders: { type: 'string', default: '4' },
    'no-faults': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const why = whyNoNetwork();
if (why) wrongUsage(`No hosts can be made here: ${why}`);
const [studies, agents, workers] = [
  wholeNumber('studies', options.studies),
  wholeNumber('agents', options.agents, options['no-faults'] ? 1 : 2),
  wholeNumber('workers', options.workers),
];
const WITH_CT = 4;
/** Longer than the longest fault, and the catching up after it. */
const STILL_MS = 300_000;

const say = (text: string) => console.error(`${new Date().toISOString().slice(11, 19)}  ${text}`);
const dir = await mkdtemp(join(tmpdir(), 'calcidisc-hosts-'));
// PostgreSQL's account has to get through to its folder.
await chmod(dir, 0o711);
const orthanc = await startOrthanc();
const pacs = { aeTitle: orthanc.aet, port: orthanc.dicomPort };
const site = await openSite({ dir, agents, workers, pacs }).catch(async (error: unknown) => {
  await orthanc.stop();
  await rm(dir, { recursive: true, force: true });
  throw error;
});
const knex = createKnex(site.postgres.url, 2);
knex.client.pool?.on?.('error', () => undefined);
try {
  const [drawn] = await drawSiteStudies(join(dir, 'phantom'), ['scout']);
  say(`${agents} agents and ${workers} workers stand; ${studies} studies come`);
  const begun = performance.now();
  const seconds: number[] = [];
  let seen = 0;
  let isOver = false;
  const work = async () => {
    await send();
    say('all are sent');
    await untilAllThere();
    isOver = true;
  };
  await Promise.all([work(), options['no-faults'] ? [] : befall()]);
  await sleep(5_000);
  const out = await comeOut();
  if (!options.json) tell(out);
  console.log(JSON.stringify(out));
  if (out.lost > 0 || out.twice > 0 || !out.trailWhole) process.exitCode = 1;

  /** Each series to the next agent that is up; one that is not taken whole is sent again, as a modality does. */
  async function send(): Promise<void> {
    const waiting = Array.from({ length: studies }, (_, i) => i + 1);
    let turn = 0;
    async function sender(): Promise<void> {
      for (let run = waiting.shift(); run !== undefined; run = waiting.shift())
        for (const callingAe of ['CT1', 'MR1']) {
          if (callingAe === 'CT1' && run % WITH_CT !== 0) continue;
          const { files } = drawn!.sendings.find((sending) => sending.callingAe === callingAe)!;
          const own = files.map((file) => forRun(file, run!));
          for (let isTaken = false; !isTaken; ) {
            const agent = site.agents[turn++ % site.agents.length]!;
            isTaken = agent.isUp && (await sendTo(agent.host.address, callingAe, own));
            if (!isTaken) await sleep(500);
          }
        }
    }
    await Promise.all(Array.from({ length: wholeNumber('senders', options.senders) }, sender));
  }

  async function befall(): Promise<void> {
    for (const fault of FAULTS) {
      while (seen < fault.at * studies && !isOver) await sleep(100);
      if (isOver) return say(`not injected, all was over before: ${fault.name}`);
      say(`${seen} of ${studies} are there. ${fault.name}`);
      await fault.happen(site);
      say('mended');
    }
  }

  /** The studies that have a report of ours in the PACS; what counts is what the PACS says. */
  async function untilAllThere(): Promise<void> {
    let last = performance.now();
    while (seen < studies && performance.now() - last < STILL_MS) {
      const there = (await reports()).size;
      if (there > seen) last = performance.now();
      for (; seen < there; seen++) seconds.push((performance.now() - begun) / 1_000);
      await sleep(250);
    }
  }

  async function comeOut() {
    const there = await reports();
    const sorted = seconds.toSorted((a, b) => a - b);
    const at = (q: number) => Number(quantile(sorted, q).toFixed(1));
    const [{ amended, cases }] = (await knex('case').select(
      knex.raw('count(*)::int AS cases'),
      knex.raw('(count(*) FILTER (WHERE revision > 1))::int AS amended'),
    )) as [{ amended: number; cases: number }];
    const failed = await knex('auditEvent').where({ event: 'STEP_FAILED' }).count('* as n').first();
    return {
      studies,
      agents,
      workers,
      faults: options['no-faults'] ? 0 : FAULTS.length,
      reported: there.size,
      lost: studies - there.size,
      twice: [...there.values()].filter((count) => count > 1).length - amended,
      amended,
      cases,
      stepsTriedAgain: Number(failed?.n ?? 0),
      trailWhole: (await verifyAudit(knex)).ok,
      studiesPerHour: Math.round((3_600 * sorted.length) / at(1)),
      firstSeconds: at(0),
      p50Seconds: at(0.5),
      p95Seconds: at(0.95),
    };
  }
} finally {
  await knex.destroy().catch(() => undefined);
  await site.close();
  await orthanc.stop();
  await rm(dir, { recursive: true, force: true });
}

async function sendTo(host: string, callingAe: string, files: readonly Buffer[]): Promise<boolean> {
  const peer = { host, port: DICOM_PORT, calledAe: 'CALCIDISC', callingAe };
  const results = await storeFiles({
    ...peer,
    files,
    connectTimeoutMs: 3_000,
    answerTimeoutMs: 30_000,
  }).catch(() => []);
  return results.length === files.length && results.every(({ isStored }) => isStored);
}

/** Study Instance UID -> how many Structured Reports of it the PACS holds. */
async function reports(): Promise<Map<string, number>> {
  const found = await orthanc.post<{ ParentStudy: string; Instances: string[] }[]>('/tools/find', {
    Level: 'Series',
    Query: { Modality: 'SR' },
    Expand: true,
  });
  const counts = new Map<string, number>();
  for (const { ParentStudy, Instances } of found)
    counts.set(ParentStudy, (counts.get(ParentStudy) ?? 0) + Instances.length);
  return counts;
}

function tell(out: Record<string, unknown>): void {
  console.log(
    Object.entries(out)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
  );
}
