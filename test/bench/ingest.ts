/**
 * npm run bench:ingest [-- --json] [--rounds N] [--slices N]: the same CT slices from DCMTK's storescu to Orthanc,
 * to storescp and to the whole Calcidisc agent, over one association, over four, and from a sender with Nagle's
 * algorithm on (DCMTK's default). Servers take turns in every round, each started fresh; speeds are medians, and a ratio
 * is the median over the rounds of Calcidisc's speed over that of Orthanc just before it. Calcidisc syncs each object
 * to disk before it answers; the other two leave that to the kernel. Its index catches up behind the senders: how long
 * after them, and at what cost, is said too.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { argumentsOf, wholeNumber } from './arguments.js';
import { type BenchServer, SERVERS, type ServerName } from './ingestServers.js';
import { needs } from './needs.js';
import { writeSlices } from './slices.js';
import { storescuTimed } from './storescuTimed.js';

const { values } = argumentsOf(import.meta.url, {
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    slices: { type: 'string', default: '400' },
  },
});
const rounds = wholeNumber('rounds', values.rounds);
const sliceCount = wholeNumber('slices', values.slices);
/** What `calcidisc` must not use above idle while so many senders store at once. */
const CROWD = 20;
/** Every server is used as one that has been up for a while: these go to it first, not timed. */
const WARM_UP = 100;
const SETTLE_MS = 2_000;
/** Linux's clock ticks, in which it counts processor time. */
const MS_PER_TICK = 10;

const SCENARIOS = {
  one: { associations: 1, isNagleOn: false, share: 1 },
  four: { associations: 4, isNagleOn: false, share: 1 },
  /** Slow by nature where the receiver provokes delayed acknowledgements: a tenth of the slices is enough. */
  nagle: { associations: 1, isNagleOn: true, share: 0.1 },
} as const;

type Scenario = keyof typeof SCENARIOS;
interface Run {
  readonly imagesPerSecond: number;
  readonly peakMiB: number;
  readonly aboveIdleMiB: number;
  /** Processor time of the server's process while the senders were at work. */
  readonly cpuMsPerImage: number;
  /** From the last answer until all images were in its index. */
  readonly indexedAfterSeconds: number;
}

needs('storescu', 'storescp', 'Orthanc');
const warmUp: string[] = [];
const folder = await mkdtemp(join(tmpdir(), 'calcidisc-bench-'));
try {
  say(
    `${sliceCount} CT slices of 512 by 512, 16 bit, ${rounds} rounds, ${cpus().length} cores (${cpus()[0]?.model})`,
  );
  const slices = await writeSlices(join(folder, 'timed'), sliceCount);
  warmUp.push(...(await writeSlices(join(folder, 'warm-up'), WARM_UP)));
  await storescuTimedInto('storescp', slices, 1, false); // warms the page cache
  const runs = await allRuns(slices);
  report(runs, await crowd(slices));
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function allRuns(slices: readonly string[]): Promise<Map<string, Run[]>> {
  const runs = new Map<string, Run[]>();
  for (const [scenario, { associations, isNagleOn, share }] of Object.entries(SCENARIOS)) {
    const part = slices.slice(0, Math.max(associations, Math.round(slices.length * share)));
    for (let round = 0; round < rounds; round++) {
      for (const server of Object.keys(SERVERS) as ServerName[]) {
        const run = await storescuTimedInto(server, part, associations, isNagleOn);
        const key = `${scenario} ${server}`;
        runs.set(key, [...(runs.get(key) ?? []), run]);
        say(
          `${scenario.padEnd(6)} ${server.padEnd(10)} ${run.imagesPerSecond.toFixed(0).padStart(5)} images/s`,
        );
      }
    }
  }
  return runs;
}

async function storescuTimedInto(
  name: ServerName,
  slices: readonly string[],
  associations: number,
  isNagleOn: boolean,
): Promise<Run> {
  const server = await SERVERS[name](isNagleOn);
  try {
    await storescuTimed(server.port, warmUp, 1, false);
    await sleep(SETTLE_MS);
    const idleMiB = residentMiB(server, 'VmRSS');
    const cpuBefore = cpuMs(server);
    const seconds = await storescuTimed(server.port, slices, associations, isNagleOn);
    const cpuMsPerImage = (cpuMs(server) - cpuBefore) / slices.length;
    const answeredAt = performance.now();
    const stored = (await server.stored()) - warmUp.length;
    const indexedAfterSeconds = (performance.now() - answeredAt) / 1000;
    if (stored !== slices.length) throw new Error(`${name} has ${stored} of ${slices.length} images`);
    const peakMiB = residentMiB(server, 'VmHWM');
    const imagesPerSecond = slices.length / seconds;
    return { imagesPerSecond, peakMiB, aboveIdleMiB: peakMiB - idleMiB, cpuMsPerImage, indexedAfterSeconds };
  } finally {
    await server.stop();
  }
}

async function crowd(slices: readonly string[]): Promise<Run> {
  return storescuTimedInto('calcidisc', slices, CROWD, false);
}

function residentMiB(server: BenchServer, field: 'VmRSS' | 'VmHWM'): number {
  const line = execFileSync('grep', [field, `/proc/${server.pid}/status`], { encoding: 'utf8' });
  return Number(/\d+/.exec(line)![0]) / 1024;
}

/** User and system time of the process with all its threads (proc(5): fields 14 and 15 of stat). */
function cpuMs({ pid }: BenchServer): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

function report(runs: ReadonlyMap<string, readonly Run[]>, crowded: Run): void {
  const ofRuns = (key: string, value: (run: Run) => number) => median(runs.get(key)!.map(value));
  const ratio = (scenario: Scenario) => {
    const orthanc = runs.get(`${scenario} orthanc`)!;
    return median(
      runs
        .get(`${scenario} calcidisc`)!
        .map((run, round) => run.imagesPerSecond / orthanc[round]!.imagesPerSecond),
    );
  };
  for (const scenario of Object.keys(SCENARIOS) as Scenario[]) {
    const speeds = (Object.keys(SERVERS) as ServerName[]).map(
      (server) => `${server} ${ofRuns(`${scenario} ${server}`, (run) => run.imagesPerSecond).toFixed(0)}`,
    );
    const over = `Calcidisc over Orthanc ${ratio(scenario).toFixed(2)} (median of ${rounds} paired rounds)`;
    say(`${scenario}: ${speeds.join(', ')} images/s; ${over}`);
  }
  const cpu = (key: string) => ofRuns(key, (run) => run.cpuMsPerImage).toFixed(2);
  for (const scenario of ['one', 'four'] as const) {
    const costs = `Orthanc ${cpu(`${scenario} orthanc`)}, Calcidisc ${cpu(`${scenario} calcidisc`)} ms of processor`;
    const late = ofRuns(`${scenario} calcidisc`, (run) => run.indexedAfterSeconds).toFixed(2);
    say(`${scenario}: ${costs} for an image; Calcidisc's index had all ${late} s after the last answer`);
  }
  const peak = (server: ServerName) =>
    Math.max(...runs.get(`four ${server}`)!.map((each) => each.peakMiB)).toFixed(0);
  say(`peak memory, four associations: Orthanc ${peak('orthanc')} MiB, Calcidisc ${peak('calcidisc')} MiB`);
  say(`${CROWD} associations at once: ${crowded.aboveIdleMiB.toFixed(0)} MiB above idle`);
  if (!values.json) return;
  const rounded = (value: number) => Math.round(value * 100) / 100;
  const speeds = Object.fromEntries(
    [...runs].map(([key, each]) => [key, Math.round(median(each.map((run) => run.imagesPerSecond)))]),
  );
  console.log(
    JSON.stringify({
      ratioOne: rounded(ratio('one')),
      ratioFour: rounded(ratio('four')),
      ratioNagle: rounded(ratio('nagle')),
      crowdAboveIdleMiB: Math.round(crowded.aboveIdleMiB),
      cpuMsPerImage: { orthanc: Number(cpu('four orthanc')), calcidisc: Number(cpu('four calcidisc')) },
      imagesPerSecond: speeds,
    }),
  );
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)]!;
}

/** With --json only the last line goes to stdout as well as the rest: a reader takes the last line. */
function say(line: string): void {
  console.log(line);
}
