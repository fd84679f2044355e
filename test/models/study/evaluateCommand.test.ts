import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LEVELS } from '../../../agent/domain/levels.js';
import { projectRoot } from '../../../config/root.js';
import { fixtureModels, greyRegion, pngOf } from '../../worker/regions.js';

describe('calcidisc evaluate', function () {
  this.timeout(120_000);
  let dir: string;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-evaluate-'));
    const [models, set] = [join(dir, 'data', 'models', 'tiny-classifier'), join(dir, 'set')];
    await cp(join(fixtureModels, 'tiny-classifier'), models, { recursive: true });
    await mkdir(set);
    const lines = ['file,patient,site,level,label,age,sex,bmi'];
    for (let i = 0; i < 20; i++) {
      // The tests' network calls dark regions calcified: the first of each patient are, but for one.
      const calcified = i % 5 < 2;
      const grey = greyRegion(i).map((value) => (calcified && i !== 5 ? value / 3 : value));
      grey[0] = 255;
      await writeFile(join(set, `${i}.png`), await pngOf(grey));
      lines.push(
        `${i}.png,p${Math.floor(i / 5)},a,${LEVELS[i % 5]},${calcified ? 'calcified' : 'not-calcified'},60,F,25`,
      );
    }
    await writeFile(join(set, 'labels.csv'), lines.join('\n'));
    await writeFile(join(dir, 'readers.csv'), 'reader,file,answer\nA,0.png,1\nA,9.png,1\n');
  });
  after(() => rm(dir, { recursive: true, force: true }));

  const calcidisc = (...args: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const cli = join(projectRoot, 'bin', 'calcidisc.mjs');
      const env = { ...process.env, CALCIDISC_DATA: join(dir, 'data') };
      execFile(process.execPath, [cli, 'evaluate', ...args], { cwd: dir, env }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });

  it('refuses answers about files that are not in the set, also when a name holds another one', async () => {
    await writeFile(join(dir, 'strange.csv'), 'reader,file,answer\nA,0.png,1\nA,9.pn,1\n');
    const { code, stderr } = await calcidisc('set', '--readers', 'strange.csv');
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^calcidisc: strange\.csv answers for 1 files that are not in the data set: 9\.pn\n$/,
    );
  });

  it('runs the model over the set and writes everything a paper needs', async () => {
    const args = [
      '--model',
      'tiny-classifier',
      '--readers',
      'readers.csv',
      '--out',
      'out',
      '--rounds',
      '50',
      '--json',
    ];
    const { code, stdout, stderr } = await calcidisc('set', ...args);
    assert.equal(code, 0, stderr);
    const { models, readers, patients } = JSON.parse(stdout);
    const { truePositive, falseNegative, falsePositive, trueNegative } = models[0].atCardThreshold;
    assert.deepEqual([truePositive, falseNegative, falsePositive, trueNegative], [7, 1, 0, 12]);
    assert.deepEqual([models[0].simulated, readers[0].answered, patients], [true, 2, 4]);
    assert.deepEqual((await readdir(join(dir, 'out'))).sort(), [
      'calibration.png',
      'calibration.svg',
      'confusion-tiny-classifier-1.png',
      'confusion-tiny-classifier-1.svg',
      'evaluation.html',
      'evaluation.json',
      'evaluation.md',
      'roc.png',
      'roc.svg',
    ]);
    const page = await readFile(join(dir, 'out', 'evaluation.html'), 'utf8');
    for (const word of ['SIMULATED', 'not a medical device', 'Table 2', '<svg'])
      assert.ok(page.includes(word), word);
  });

  it('names the image it cannot use, and the table it cannot find', async () => {
    await writeFile(join(dir, 'set', '3.png'), await pngOf(new Uint8Array(400), 20, 20));
    const bad = await calcidisc('set', '--model', 'tiny-classifier', '--json');
    assert.deepEqual([bad.code, bad.stdout], [1, '']);
    assert.match(bad.stderr, /3\.png: not a 224 by 224 8-bit grey PNG: it is 20 by 20/);
    const none = await calcidisc('data', '--model', 'tiny-classifier');
    assert.equal(none.code, 1);
    assert.match(none.stderr, /labels\.csv/);
  });
});
