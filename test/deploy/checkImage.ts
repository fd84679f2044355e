/**
 * `npm run check:image -- [--base IMAGE|FOLDER] [--image NAME] [--built]`
 *
 * Builds the agent's image (config/deploy/build.sh, buildah) on a Debian that debootstrap makes, and runs it as a runtime
 * would: its own account, a root that is only read, /data and /tmp the places that are written, the health check. One
 * phantom study goes through it to a PACS outside. Needs root, buildah and debootstrap, and network for packages; minutes.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeFiles } from '../../agent/deliver/scu.js';
import { dicomFilesIn, openDemoPacs } from '../../cli/demo/pacs.js';
import { createLogger } from '../../config/log.js';
import { projectRoot } from '../../config/root.js';
import { writePhantom } from '../../models/phantom/phantom.js';
import { argumentsOf } from '../bench/arguments.js';
import { freePort } from '../support/dcmtk.js';
import { until } from '../support/until.js';

const { values: options } = argumentsOf(import.meta.url, {
  options: {
    base: { type: 'string' },
    image: { type: 'string', default: 'calcidisc-check' },
    /** The image is there: it is run alone. */
    built: { type: 'boolean', default: false },
  },
});
const MOST_BYTES = 900e6;
const LIMIT_MS = 300_000;

for (const needed of ['buildah', 'debootstrap'])
  if (spawnSync('which', [needed]).status !== 0)
    fail(`${needed} is missing: apt-get install buildah debootstrap`);

const dir = await mkdtemp(join(tmpdir(), 'calcidisc-image-'));
let container: string | null = null;
try {
  if (!options.built)
    run('config/deploy/build.sh', [
      options.image,
      options.base ?? debian(join(tmpdir(), 'calcidisc-base-trixie')),
    ]);
  const image = JSON.parse(run('buildah', ['inspect', '--type', 'image', options.image]));
  const { size } = JSON.parse(run('buildah', ['images', '--json', options.image]))[0] as { size: string };
  const { User, Env, Entrypoint, Healthcheck } = image.Docker.config;
  check(User === '10001:10001', `it runs as ${User}, not as 10001:10001`);
  check(bytesOf(size) < MOST_BYTES, `it has ${size}`);
  container = run('buildah', ['from', options.image]).trim();
  const root = run('buildah', ['mount', container]).trim();
  await oneStudy({ root, env: Env, entry: Entrypoint, health: Healthcheck.Test.slice(1) });
  console.log(JSON.stringify({ image: options.image, size, ok: true }));
} finally {
  if (container) run('buildah', ['rm', container]);
  await rm(dir, { recursive: true, force: true });
}

interface Runnable {
  readonly root: string;
  readonly env: readonly string[];
  readonly entry: readonly string[];
  readonly health: readonly string[];
}

/** Ready by its own health check, then a study in and its report out. */
async function oneStudy(image: Runnable): Promise<void> {
  const pacs = await openDemoPacs(join(dir, 'pacs'), createLogger({ log: { level: 'silent' } }));
  const data = join(dir, 'data');
  mkdirSync(data);
  const [dicom, http] = [await freePort(), await freePort()];
  const config = {
    dataDir: '/data',
    dicom: { port: dicom },
    http: { port: http },
    route: {
      destinations: [
        { name: 'pacs', aeTitle: pacs.aeTitle, host: '127.0.0.1', port: pacs.port, forms: ['sr'] },
      ],
    },
  };
  writeFileSync(join(data, 'site.json'), JSON.stringify(config));
  chownSync(data, 10001, 10001);
  const env = [...image.env, `CALCIDISC_HTTP_PORT=${http}`];
  const service = spawn(
    'unshare',
    isolated(image.root, data, env, [...image.entry, '--config', '/data/site.json', 'up']),
    {
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  try {
    const healthy = () =>
      spawnSync('unshare', isolated(image.root, data, env, image.health)).status === 0 || null;
    await until(async () => healthy(), LIMIT_MS);
    const refused = spawnSync('unshare', isolated(image.root, data, env, ['touch', '/opt/calcidisc/x']));
    check(/Read-only/.test(String(refused.stderr)), 'its root can be written');
    await writePhantom({ outDir: join(dir, 'study'), seed: 1, calcified: ['L4-L5'] });
    const sent = await storeFiles({
      host: '127.0.0.1',
      port: dicom,
      calledAe: 'CALCIDISC',
      callingAe: 'MR',
      files: dicomFilesIn(join(dir, 'study', 'mr')),
    });
    check(
      sent.every(({ isStored }) => isStored),
      'it does not take the images',
    );
    await until(async () => {
      const figures = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
      return /^calcidisc_cases\{state="delivered"\} 1$/m.test(figures) || null;
    }, LIMIT_MS);
  } finally {
    // unshare itself takes no SIGTERM while it waits for what it has begun.
    const begun = readFileSync(`/proc/${service.pid}/task/${service.pid}/children`, 'utf8').trim();
    if (begun) process.kill(Number(begun), 'SIGTERM');
    await new Promise((resolve) => service.once('exit', resolve));
    await pacs.close();
  }
}

/** As a container runtime would have it, by namespaces alone: root read-only, /data from outside, /tmp in memory. */
function isolated(root: string, data: string, env: readonly string[], command: readonly string[]): string[] {
  const mounts = [
    `mount --bind ${root} ${root}`,
    `mount -o remount,bind,ro ${root}`,
    `mount --bind ${data} ${root}/data`,
    `mount -t tmpfs tmpfs ${root}/tmp`,
    `mount --rbind /dev ${root}/dev`,
    `mount -t proc proc ${root}/proc`,
  ];
  const script = `set -e; ${mounts.join('; ')}; exec env -i ${env.map(quoted).join(' ')} chroot --userspec=10001:10001 ${root} ${command.map(quoted).join(' ')}`;
  return ['--mount', '--pid', '--fork', '--kill-child=SIGTERM', 'sh', '-c', script];
}

/** @returns the folder; one that an earlier run made is taken again */
function debian(folder: string): string {
  if (!existsSync(join(folder, 'usr/bin/node')))
    run('debootstrap', ['--variant=minbase', '--include=nodejs,ca-certificates', 'trixie', folder]);
  return folder;
}

function run(command: string, args: readonly string[]): string {
  const done = spawnSync(command, args, {
    cwd: projectRoot,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (done.status !== 0) throw new Error(`${command} ${args[0]} ended with ${done.status}`);
  return done.stdout;
}

/** '574 MB' */
function bytesOf(size: string): number {
  const [, number, unit] = /^([\d.]+)\s*([kMG]?)B$/.exec(size) ?? [];
  return Number(number) * { '': 1, k: 1e3, M: 1e6, G: 1e9 }[unit as 'M']!;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function check(holds: boolean, problem: string): void {
  if (!holds) throw new Error(problem);
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
