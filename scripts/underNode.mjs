// node scripts/underNode.mjs [24]: fetches npm's own build of node (what its `node` package installs) of that major version into a temporary folder and
// runs the demo and a part of the tests under it, on the build that is there. Leaves nothing behind.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const major = process.argv[2] ?? '24';

/** One of every kind: native modules, threads, sockets, both queues, the database, the command line. */
const TESTS = [
  'config/*.test.js',
  'dicom/pixels.test.js',
  'receive/store.test.js',
  'receive/thread.test.js',
  'assemble/completeness.test.js',
  'pair/window.test.js',
  'locate/catalogue.test.js',
  'locate/picture.test.js',
  'worker/engine.test.js',
  'report/report.test.js',
  'deliver/verdict.test.js',
  'db/steps.test.js',
  'db/queue.test.js',
  'expose/http.test.js',
];

function run(command, args, environment = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  if (error) throw error;
  return status ?? 1;
}

const folder = mkdtempSync(join(tmpdir(), `calcidisc-node-${major}-`));
process.on('SIGINT', () => undefined);
try {
  const build = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const fetched = run('npm', [
    'install',
    '--prefix',
    folder,
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--ignore-scripts',
    `${build}@${major}`,
  ]);
  if (fetched !== 0) throw new Error(`npm could not fetch ${build}@${major}`);
  const bin = join(folder, 'node_modules', build, 'bin');
  const node = join(bin, 'node');
  // What starts a process of its own finds this node too.
  const environment = { PATH: `${bin}:${process.env.PATH}` };
  console.log(`Under Node ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()}:`);
  const demo = run(node, ['bin/calcidisc.mjs', 'demo', '--once'], environment);
  const tests = run(
    node,
    ['node_modules/mocha/bin/mocha.js', ...TESTS.map((name) => `dist/test/${name}`)],
    environment,
  );
  process.exitCode = demo || tests;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
