import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../../config/root.js';
import { readModelFolder } from '../../../models/catalogue/modelFiles.js';
import { parseLabels } from '../../../models/evaluation/dataset.js';
import { patientGroups } from '../../../models/study/cards.js';
import { NETWORK_NAMES, NETWORKS, SITES } from '../../../models/study/published.js';
import { runTool } from '../../support/dcmtk.js';
import { needsPeer } from '../../support/peers.js';

const PYTHON = '/usr/bin/python3';
const IMAGES = join(projectRoot, '..', 'shared', 'data', 'spider-t2-sagittal');
const training = join(projectRoot, 'models', 'training');

/** The public images where they are, drawn patients in the same layout where they are not. */
async function imagesOrDrawn(dir: string): Promise<string> {
  if (existsSync(join(IMAGES, 'images'))) return IMAGES;
  const drawn = join(dir, 'drawn');
  const { exitCode, output } = await runTool(PYTHON, [join(training, 'tests', 'drawn.py'), drawn], {
    PYTHONPATH: training,
    PYTHONDONTWRITEBYTECODE: '1',
  });
  assert.equal(exitCode, 0, output);
  return drawn;
}

describe('npm run study -- --quick', function () {
  // Two minutes on two idle cores; a machine that does other things takes as long as it takes.
  this.timeout(1_800_000);
  let [dir, out, data] = ['', '', ''];
  let first: Awaited<ReturnType<typeof runTool>>;

  const study = (...args: string[]) =>
    runTool(
      process.execPath,
      [join(projectRoot, 'bin', 'calcidisc.mjs'), 'study', ...args, '--out', out, '--python', PYTHON],
      { CALCIDISC_ONNX: 'node' },
    );

  before(async function () {
    needsPeer(this, 'python', 'torch');
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-study-'));
    out = join(dir, 'out');
    data = await imagesOrDrawn(dir);
    first = await study('--quick', '--data', data);
  });
  after(() => rm(dir, { recursive: true, force: true }));

  it('ends well and says how far it is', () => {
    assert.equal(first.exitCode, 0, first.output);
    assert.match(first.stderr, /\[1\/9\] training ResNet-34: [\d.]+ (s|min|h)/);
    assert.match(first.stdout, /report\.html/);
  });

  it('leaves three models whose files have the hash of their cards, and no patient in two groups', async () => {
    for (const name of NETWORK_NAMES) {
      const file = await readModelFolder(join(out, 'models', name, 'quick'));
      const { training: trained, validation, heldOut } = patientGroups(file);
      assert.ok(Math.min(trained.length, validation.length, heldOut.length) > 0, name);
      const all = [...trained, ...validation, ...heldOut];
      assert.equal(new Set(all).size, all.length, `${name}: a patient is in two groups`);
      for (const site of SITES) {
        const labels = parseLabels(await readFile(join(out, 'sets', site, 'labels.csv'), 'utf8'), site);
        for (const { patient } of labels.regions) assert.ok(heldOut.includes(patient), `${site} ${patient}`);
      }
      const card = JSON.stringify(file.card);
      assert.match(card, /SIMULATED/);
      assert.ok(!card.includes(dir) && !card.includes(projectRoot), 'no path of this machine in a card');
    }
  });

  it('reports every network and the readers for both tests, with the study beside them and what it all is', async () => {
    const tables = await readFile(join(out, 'report', 'tables.md'), 'utf8');
    const rows = tables.split('\n').filter((line) => line.startsWith('|'));
    for (const { title, published } of Object.values(NETWORKS))
      for (const site of SITES) {
        assert.ok(
          rows.some((row) =>
            new RegExp(`^\\| ${title}, simulated \\| ${site} \\| [01]\\.\\d{3} \\(`).test(row),
          ),
          `${title} ${site}`,
        );
        const theirs = `| ${title}, the study | ${site} | ${published[site].auc.toFixed(2)}`;
        assert.ok(
          rows.some((row) => row.startsWith(theirs)),
          theirs,
        );
      }
    for (const row of [
      '| Human readers, the study | internal | 0.65',
      '| Human readers, the study | external | 0.41',
    ])
      assert.ok(tables.includes(row), row);
    const page = await readFile(join(out, 'report', 'report.html'), 'utf8');
    for (const text of [tables, page])
      for (const words of [
        /SIMULATED calcification over real anatomy/,
        /[Nn]ot comparable/,
        /quick run/,
        /DeLong(?:'|&#39;)s test/,
      ])
        assert.ok(words.test(text), String(words));
    assert.equal(page.match(/<svg/g)?.length, 2 * (2 + NETWORK_NAMES.length));
    assert.doesNotMatch(page, /<(?:img|link|script)\b/, 'the page needs no other file');
    const { parity } = JSON.parse(await readFile(join(out, 'report', 'study.json'), 'utf8'));
    for (const name of NETWORK_NAMES) assert.ok(parity[`${name}@quick`].largestDifference <= 1e-3, name);
  });

  it('repeats nothing the second time, and only what a lost file calls for the third', async () => {
    const model = join(out, 'models', 'resnet34', 'quick', 'model.onnx');
    const before = (await stat(model)).mtimeMs;
    const second = await study('--quick', '--data', data);
    assert.equal(second.exitCode, 0, second.output);
    assert.equal(second.stderr.match(/: unchanged/g)?.length, 9, second.stderr);
    assert.equal((await stat(model)).mtimeMs, before);
    await writeFile(join(out, 'report', 'tables.md'), 'typed over');
    const third = await study('--quick', '--data', data);
    assert.equal(third.stderr.match(/: unchanged/g)?.length, 8, third.stderr);
    assert.match(await readFile(join(out, 'report', 'tables.md'), 'utf8'), /Table 2/);
  });

  it('judges given models without training, and refuses one that was trained on the test patients', async () => {
    const models = join(out, 'models');
    const options = [
      '--evaluate-only',
      '--models',
      models,
      '--data',
      data,
      '--networks',
      'mobilevit_s,resnet34',
    ];
    const path = join(models, 'mobilevit_s', 'quick', 'card.json');
    const text = await readFile(path, 'utf8');
    const card = JSON.parse(text);
    card.trainingData.patients.push(card.trainingData.heldOut[0]);
    await writeFile(path, JSON.stringify(card));
    const refused = await study(...options, '--quick', '--report', join(dir, 'judged'));
    await writeFile(path, text);
    assert.equal(refused.exitCode, 1, refused.output);
    assert.match(refused.stderr, /mobilevit_s@quick was trained or tuned on patients \d+ of the test sets/);
    const judged = await study(...options, '--quick', '--report', join(dir, 'judged'));
    assert.equal(judged.exitCode, 0, judged.output);
    assert.match(await readFile(join(dir, 'judged', 'tables.md'), 'utf8'), /Not trained yet: DenseNet-121/);
  });
});

describe('npm run study, when something is missing', function () {
  this.timeout(60_000);
  const study = (...args: string[]) =>
    runTool(process.execPath, [join(projectRoot, 'bin', 'calcidisc.mjs'), 'study', ...args]);

  it('names the images and where they come from', async () => {
    const { exitCode, stderr } = await study('--quick', '--data', join(tmpdir(), 'no-such-images'));
    assert.equal(exitCode, 1);
    assert.match(stderr, /no-such-images.images is missing[\s\S]*SPIDER[\s\S]*--data DIR/);
  });

  it('names what Python lacks and how to install it', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'calcidisc-images-'));
    try {
      for (const folder of ['images', 'masks']) await mkdir(join(dir, folder));
      const { exitCode, stderr } = await study('--quick', '--data', dir, '--python', join(dir, 'python9'));
      assert.equal(exitCode, 1);
      assert.match(stderr, /python9 is not there[\s\S]*apt-get install python3-torch[\s\S]*pip install/);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });

  it('asks what is wanted', async () => {
    const { exitCode, stderr } = await study();
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, /--quick, --full or --evaluate-only/);
  });
});
