import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../config/root.js';
import { calcidisc } from '../support/command.js';

/** npm's registry, asked as npm does; without it the test has nothing to install from. */
const canInstall = () => spawnSync('npm', ['view', 'commander', 'version'], { timeout: 30_000 }).status === 0;

describe('the package: npm pack, and npm install in an empty folder', function () {
  this.timeout(900_000);
  let dir: string;
  before(async function () {
    if (!canInstall()) {
      const line = 'needs the npm registry';
      if (process.env.REQUIRE_PEERS === '1') throw new Error(line);
      console.log(`      skipped, ${line}`);
      this.skip();
    }
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-package-'));
  });
  after(() => dir && rm(dir, { recursive: true, force: true }));

  // As a stranger's shell has it: what npm tells its own children (this project's .npmrc among it) is not there.
  const own = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  const env = { ...Object.fromEntries(own), ONNXRUNTIME_NODE_INSTALL: 'skip' };
  const npm = (args: readonly string[], cwd: string) => {
    const { status, stdout, stderr } = spawnSync('npm', args, { cwd, env, encoding: 'utf8' });
    assert.equal(status, 0, `npm ${args.join(' ')}\n${stdout}\n${stderr}`);
    return { stdout, stderr };
  };

  it('carries what it needs, and leaves the checkout as it was', () => {
    const before = readFileSync(join(projectRoot, 'README.md'), 'utf8');
    const packed = JSON.parse(
      npm(['pack', '--json', '--silent', '--pack-destination', dir], projectRoot).stdout,
    );
    const files: string[] = packed[0].files.map(({ path }: { path: string }) => path);
    for (const needed of [
      'bin/calcidisc.mjs',
      'dist/cli/main.js',
      'agent/expose/assets/style.css',
      'npm-shrinkwrap.json',
    ])
      assert.ok(files.includes(needed), needed);
    assert.deepEqual(
      files.filter((path) => path.startsWith('dist/test/') || path.startsWith('test/')),
      [],
    );
    assert.equal(readFileSync(join(projectRoot, 'README.md'), 'utf8'), before);
    assert.ok(!existsSync(join(projectRoot, 'npm-shrinkwrap.json')));
  });

  it('installs by the documented command, and runs', async () => {
    const installed = npm(['install', './calcidisc-0.1.0.tgz'], dir);
    assert.ok(!installed.stderr.includes('EBADENGINE'), installed.stderr);
    const program = join(dir, 'node_modules/calcidisc/bin/calcidisc.mjs');
    const data = { CALCIDISC_DATA: join(dir, 'data') };
    const doctor = await calcidisc(['doctor', '--json'], { cwd: dir, program, env: data });
    assert.match(doctor.stdout, /model resnet34/, doctor.stderr);
    const made = await calcidisc(['migrate', '--json'], { cwd: dir, program, env: data });
    assert.equal(made.code, 0, made.stderr);
    const readme = readFileSync(join(dir, 'node_modules/calcidisc/README.md'), 'utf8');
    const help = await calcidisc(['study', '--help'], { cwd: dir, program });
    for (const text of [readme, help.stdout]) assert.ok(!text.includes('npm run'));
    const { stderr } = npm(['exec', 'calcidisc', '--', '--version'], projectRoot);
    assert.ok(!stderr.includes('Unknown'), stderr);
  });
});
