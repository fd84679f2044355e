import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../../config/root.js';
import { runTool } from '../../support/dcmtk.js';

const SMALL = ['--mr-matrix', '128', '--mr-slices', '3', '--ct-slice', '6', '--ct-spacing', '3'];

describe('calcidisc phantom', function () {
  this.timeout(60_000);
  let outDir: string;
  const phantom = (...args: string[]) =>
    runTool(process.execPath, [join(projectRoot, 'bin/calcidisc.mjs'), 'phantom', ...args]);

  before(async () => {
    outDir = await mkdtemp(join(tmpdir(), 'calcidisc-phantom-'));
  });
  after(() => rm(outDir, { recursive: true }));

  it('writes both series and prints the truth as one JSON document', async () => {
    const options = ['--seed', '9', '--calcified', 'L2-L3', '--herniated', 'none', '--scoliosis', '-8'];
    const { exitCode, stdout } = await phantom('--out', outDir, ...options, ...SMALL, '--json');
    assert.equal(exitCode, 0);
    const truth = JSON.parse(stdout);
    assert.deepEqual(truth, JSON.parse(await readFile(join(outDir, 'truth.json'), 'utf8')));
    assert.equal(truth.settings.scoliosisMm, -8);
    assert.equal(truth.ct.discs['L2-L3'].calcified, true);
    assert.equal(truth.mr.discs['L3-L4'].herniated, false);
    assert.equal((await readdir(join(outDir, 'mr'))).length, truth.mr.slices.length);
  });

  for (const [wrong, says] of [
    [['--calcified', 'L6-S1'], /L6-S1 is none of L1-L2/],
    [['--curvature', '7'], /curvature/],
    [['--seed', 'x'], /not a number/],
  ] as const)
    it(`${wrong.join(' ')} is wrong usage: exit code 2 and which option`, async () => {
      const { exitCode, stderr } = await phantom('--out', join(outDir, 'none'), ...wrong, ...SMALL);
      assert.equal(exitCode, 2);
      assert.match(stderr, says);
    });
});
